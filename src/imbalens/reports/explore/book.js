"use strict";
/* The page's data, and how names and pictures of it are put on the page: texts as text nodes only. */
const book = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const name = (code) => data.classes[code];
  const names = (codes) => codes.map(name).join(", ") || "not known";
  const taken = (codes) => codes.map(name).join(", ") || "nothing that is known";
  /* Of which classes it is known whether an image has them: of all, where the data do not say. */
  const isKnown = (id, code) => !data.known || data.known[id].includes(code);
  const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;

  const add = (parent, tag, text, properties = {}) => {
    const element = parent.appendChild(document.createElement(tag));
    if (text !== undefined) element.textContent = text;
    return Object.assign(element, properties);
  };

  const isPictured = (id) => id < data.nPictured;

  /* Of an image without a picture: nothing, for a grey square tells nothing. */
  const addPicture = (parent, id, label, side) => {
    if (!isPictured(id)) return;
    const element = add(parent, "span", undefined, { className: "picture" });
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", label);
    if (side) element.style.setProperty("--side", side);
    const [columns, rows, pitch, size] = data.sprite;
    const times = (pixels) => `calc(var(--side) * ${pixels / size})`;
    element.style.backgroundSize = `${times(columns * pitch)} ${times(rows * pitch)}`;
    const [x, y] = [id % columns, Math.floor(id / columns)].map((place) => times(-place * pitch));
    element.style.backgroundPosition = `${x} ${y}`;
  };

  /* Say in words which labels neighbours have: of one class each all of them, else the one meant. */
  const count = (ids, codes) => {
    if (!data.exclusive) {
      const asked = ids.filter((id) => codes.some((code) => isKnown(id, code)));
      const having = asked.filter((id) => codes.some((code) => data.given[id].includes(code)));
      const which = asked.length < ids.length ? " of which it is known" : "";
      return `Of the ${asked.length} nearest${which}, ${having.length} have ${names(codes)}`;
    }
    const times = new Map();
    for (const id of ids) {
      const label = names(data.given[id]);
      times.set(label, (times.get(label) ?? 0) + 1);
    }
    const falling = [...times].sort((a, b) => b[1] - a[1]);
    return `Nearest: ${falling.map(([label, n]) => `${n} × ${label}`).join("; ")}`;
  };

  return { add, addPicture, count, data, find, isKnown, isPictured, name, names, percent, taken };
})();
