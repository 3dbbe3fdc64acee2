"use strict";
/* The page's data: what is known of each image, in words, and how its picture is put on the page.
   Texts of the data only ever become text nodes. */
const book = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const doubted = new Map(Object.entries(data.runs).map(([run, { doubted }]) => [run, new Set(doubted)]));
  const find = (id) => document.getElementById(id);
  const name = (code) => data.classes[code];
  const names = (codes) => codes.map(name).join(", ") || "not known";
  const taken = (codes) => codes.map(name).join(", ") || "nothing that is known";
  const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;
  const number = (count) => count.toLocaleString("en");

  const isTrain = (id) => id < data.nTrain || id >= data.nPoints;
  const isPoint = (id) => id < data.nPoints;
  const isPictured = (id) => id < data.nPictured;
  const splitOf = (id) => (isTrain(id) ? "train" : data.split);
  const fileOf = (id) => data.names[id] || `${splitOf(id)} ${data.index[id]}`;
  /* Of which classes it is known whether an image has them: of all, where the data do not say. */
  const isKnown = (id, code) => !data.known || data.known[id].includes(code);
  const isDoubted = (run, id) => doubted.get(run).has(id);

  /* Whether a run is right about an image, of several labels about one of them; null where that
     is not known, or where nobody took the image for anything. */
  const isRight = (run, id, code) => {
    const { predicted } = data.runs[run];
    if (predicted === null || (data.known && !data.known[id].length)) return null;
    if (code === null) return String(data.given[id]) === String(predicted[id]);
    return isKnown(id, code) ? data.given[id].includes(code) === predicted[id].includes(code) : null;
  };

  /* The archetype of a training image in its class, of several labels in one of them; else null. */
  const kindOf = (run, id, code) => {
    if (id >= data.nTrain) return null;
    const kind = data.runs[run].archetypes[id][code === null ? 0 : data.given[id].indexOf(code)];
    return kind === undefined ? null : data.archetypes[kind];
  };

  const kindsOf = (run, id) => (id >= data.nTrain ? "" : data.runs[run].archetypes[id]
    .map((kind, i) => data.archetypes[kind] + (data.exclusive ? "" : ` (${name(data.given[id][i])})`))
    .join(", "));

  const add = (parent, tag, text, properties = {}) => {
    const element = parent.appendChild(document.createElement(tag));
    if (text !== undefined) element.textContent = text;
    return Object.assign(element, properties);
  };

  /* Of an image without a picture: nothing, for a grey square tells nothing. */
  const addPicture = (parent, id, label, side) => {
    if (!isPictured(id)) return null;
    const element = add(parent, "span", undefined, { className: "picture" });
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", label);
    if (side) element.style.setProperty("--side", side);
    const [columns, rows, pitch, size] = data.sprite;
    const times = (pixels) => `calc(var(--side) * ${pixels / size})`;
    element.style.backgroundSize = `${times(columns * pitch)} ${times(rows * pitch)}`;
    const [x, y] = [id % columns, Math.floor(id / columns)].map((place) => times(-place * pitch));
    element.style.backgroundPosition = `${x} ${y}`;
    return element;
  };

  /* Thumbnails of images, or what they are called; those that are on the map lead there. */
  const addNear = (parent, ids, show) => {
    const list = add(parent, "ul", undefined, { className: "near" });
    for (const id of ids) {
      const item = add(list, "li");
      const label = names(data.given[id]), broken = label.replaceAll("_", "_\u200b"); // may break there
      const button = isPoint(id) ? add(item, "button", undefined, { type: "button", title: label }) : null;
      button?.addEventListener("click", () => show(id));
      addPicture(button ?? item, id, button ? `${label}: show this image` : label);
      if (button && !isPictured(id)) add(button, "span", broken);
      else if (!isPictured(id)) add(item, "span", broken);
    }
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

  return {
    add, addNear, addPicture, count, data, fileOf, find, isDoubted, isKnown, isPictured, isPoint, isRight,
    kindOf, kindsOf, name, names, number, percent, splitOf, taken,
  };
})();
