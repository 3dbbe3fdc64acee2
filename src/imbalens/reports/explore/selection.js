"use strict";
/* The images chosen so far: their pictures, their paths, and a table of them to take along. */
const selection = (() => {
  const { add, addPicture, data, fileOf, find, isDoubted, isPictured, kindsOf, names, number, splitOf } = book;
  const MOST = 120; // pictures shown at once; the files hold all

  /* What a spreadsheet would compute stands behind an apostrophe, as in the tables of the stages. */
  const cell = (value) => {
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const table = (ids, runs) => {
    const heads = runs.flatMap((run) => ["prediction", "archetype", "in doubt"].map((head) => `${head} (${run})`));
    const row = (id) => [splitOf(id), data.index[id], data.names[id], names(data.given[id]),
      ...runs.flatMap((run) => {
        const { predicted } = data.runs[run];
        return [predicted === null ? "" : predicted[id].map((code) => data.classes[code]).join(", "),
          kindsOf(run, id), isDoubted(run, id) ? "yes" : "no"];
      })];
    return [["split", "index", "name", "label", ...heads], ...ids.map(row)]
      .map((cells) => `${cells.map(cell).join(",")}\n`).join("");
  };

  const save = (text, name) => {
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    Object.assign(document.createElement("a"), { href: address, download: name }).click();
    URL.revokeObjectURL(address);
  };

  const copy = async (button) => {
    const area = find("paths");
    try {
      await navigator.clipboard.writeText(area.value);
      button.textContent = "Copied";
    } catch { // a browser that lets no page write there: mark the text, so that a key does
      find("paths-part").open = true;
      area.focus();
      area.select();
      button.textContent = "Marked: now copy it by key";
    }
  };

  const draw = (ids, { show, toggle }) => {
    find("n-selected").textContent = `${number(ids.length)} selected`;
    find("clear").disabled = find("save").disabled = find("copy").disabled = !ids.length;
    find("copy").textContent = "Copy paths";
    find("paths").value = ids.map((id) => `${fileOf(id)}\n`).join("");
    find("paths-part").hidden = !ids.length;
    const list = find("selected");
    list.replaceChildren();
    for (const id of ids.slice(0, MOST)) {
      const item = add(list, "li");
      const label = `${names(data.given[id])}, ${fileOf(id)}`;
      const button = add(item, "button", undefined, { type: "button", title: label });
      if (isPictured(id)) addPicture(button, id, `${label}: show this image`);
      else add(button, "span", fileOf(id));
      button.addEventListener("click", () => show(id));
      const drop = add(item, "button", "×", { type: "button", className: "drop" });
      drop.setAttribute("aria-label", `Take ${fileOf(id)} from the selection`);
      drop.addEventListener("click", () => toggle(id));
    }
    find("unshown").textContent = ids.length > MOST
      ? `The first ${MOST} are shown; the table and the paths hold all.` : "";
  };

  return { copy, draw, save, table };
})();
