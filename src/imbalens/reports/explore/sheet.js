"use strict";
/* The list of labels that may be wrong, as one run sees them. */
const sheet = (() => {
  const { add, addNear, addPicture, count, data, find, name, names, percent } = book;

  const draw = (run, show) => {
    const { candidates, neighbors, nCandidates, recovery } = data.runs[run];
    const wanted = find("about").value;
    const listed = [...candidates.entries()].filter(
      ([, { about }]) => wanted === "" || about.includes(Number(wanted)),
    );
    const nRuns = Object.keys(data.runs).length;
    find("doubt-note").textContent =
      `Run ${run}: ${nCandidates} labels in doubt, ${candidates.length} listed, ${listed.length} shown.` +
      (recovery === null ? "" : ` Of the listed, ${percent(recovery.listed_precision)} were planted wrong, ` +
        `which is ${percent(recovery.listed_recall)} of all planted ones; average precision of the ` +
        `order ${recovery.average_precision.toFixed(2)}, by chance ${recovery.chance.toFixed(2)}.`);
    const list = find("sheet");
    list.replaceChildren();
    for (const [place, candidate] of listed) {
      const id = candidate.picture;
      const item = add(list, "li");
      addPicture(item, id, names(data.given[id]), "5.5rem");
      const words = add(item, "div", undefined, { className: "words" });
      const first = add(words, "p");
      add(first, "span", `${place + 1}. `, { className: "rank" });
      add(first, "strong", candidate.given);
      first.append(" → ");
      add(first, "strong", candidate.suggested, { className: "bad" });
      const kind = candidate.archetype ? `${candidate.archetype}, ` : "";
      add(words, "p", `${kind}label's probability ${percent(candidate.probability)}, usually ${percent(candidate.usual)}`, { className: "note" });
      const share = nRuns > 1 ? `; in doubt in ${candidate.runs} of ${nRuns} runs` : "";
      add(words, "p", `${data.names[id] || `index ${data.index[id]}`}${share}`, { className: "note" });
      if (data.planted[id] >= 0) add(words, "p", `planted: truly ${name(data.planted[id])}`, { className: "note" });
      const near = add(words, "div");
      const button = add(words, "button", "Show on the map", { type: "button" });
      button.addEventListener("click", () => show(id));
      add(near, "p", count(neighbors[id], candidate.about), { className: "note" });
      addNear(near, neighbors[id], show);
    }
    if (!listed.length) add(list, "li", "None.");
  };

  return { draw };
})();
