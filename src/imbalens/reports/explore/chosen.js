"use strict";
/* The panel beside the maps: one image, what the runs on the maps say of it, and its neighbours. */
const panel = (() => {
  const { add, addNear, addPicture, count, data, find, isRight, kindsOf, name, names, splitOf, taken } = book;
  const MOST_CAMS = 3; // of one image and run
  const INFERNO = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
  const FAINTEST = 0.1, STRONGEST = 0.7; // opacity over the image, as in the report's figures

  const colourOf = (share) => {
    const place = share * (INFERNO.length - 1), low = Math.min(INFERNO.length - 2, Math.floor(place));
    const mixed = INFERNO[low].map((part, i) => part + (INFERNO[low + 1][i] - part) * (place - low));
    return [...mixed, 255 * (FAINTEST + (STRONGEST - FAINTEST) * share)];
  };

  /* An image under a class activation map, and the boxes of that class. */
  const addCam = (parent, id, { cells, side }, place, code, letter) => {
    const figure = add(parent, "figure", undefined, { className: "cam" });
    const under = add(figure, "div", undefined, { className: "under" });
    addPicture(under, id, names(data.given[id]));
    const canvas = add(under, "canvas", undefined, { width: side, height: side });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `class activation map of ${name(code)}`);
    const pixels = new ImageData(side, side);
    cells[place].forEach((share, i) => pixels.data.set(colourOf(share), 4 * i));
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    for (const [of, own, ...box] of data.boxes) {
      if (of !== id || own !== code) continue;
      const frame = add(under, "span", undefined, { className: "box" });
      ["left", "top", "width", "height"].forEach((edge, i) => { frame.style[edge] = `${100 * box[i]}%`; });
    }
    add(figure, "figcaption", `${letter}${name(code)}${cells[place].some(Boolean) ? "" : ": zero all over"}`);
  };

  const addCams = (box, id, { maps, subject }) => {
    const wanted = maps.map(([letter, run]) => {
      const cams = data.runs[run].cams;
      const places = (cams?.pairs ?? []).map(([of, code], place) => ({ of, code, place }))
        .filter(({ of }) => of === id);
      const asked = places.filter(({ code }) => code === subject);
      return { letter, cams, places: (asked.length ? asked : places).slice(0, MOST_CAMS) };
    });
    if (!wanted.some(({ places }) => places.length)) return;
    add(box, "h3", "Class activation maps");
    const row = add(box, "div", undefined, { className: "cams" });
    for (const { letter, cams, places } of wanted) {
      for (const { place, code } of places) addCam(row, id, cams, place, code, letter);
    }
  };

  const describe = (id, state) => {
    const { maps, pinned, selected, show, subject, toggle } = state;
    const box = find("chosen");
    box.replaceChildren();
    addPicture(box, id, names(data.given[id]), "10rem");
    const facts = add(box, "dl");
    const fact = (term, text, className = "") => {
      add(facts, "dt", term);
      add(facts, "dd", text, { className });
    };
    fact("label", names(data.given[id]));
    for (const [letter, run] of maps) {
      const { predicted } = data.runs[run];
      const right = isRight(run, id, null);
      const judged = right ? "right" : data.exclusive ? "wrong" : "not the same";
      const term = `${letter}prediction`;
      if (predicted === null) fact(term, "not given");
      else if (right === null) fact(term, taken(predicted[id]));
      else fact(term, `${taken(predicted[id])} (${judged})`, right ? "good" : "bad");
    }
    for (const [letter, run] of maps) if (kindsOf(run, id)) fact(`${letter}archetype`, kindsOf(run, id));
    for (const [letter, run] of maps) {
      for (const [place, { given, picture, suggested }] of data.runs[run].candidates.entries()) {
        if (picture === id) fact(`${letter}in doubt`, `${suggested} rather than ${given} (number ${place + 1})`, "bad");
      }
    }
    if (data.planted[id] >= 0) fact("planted", `wrong label, truly ${name(data.planted[id])}`);
    fact("split", splitOf(id));
    fact("image", data.names[id] ? `${data.names[id]}, index ${data.index[id]}` : `index ${data.index[id]}`);
    const button = add(box, "button", selected.has(id) ? "Take from the selection" : "Add to the selection",
      { type: "button", id: "toggle" });
    button.addEventListener("click", () => toggle(id));
    addCams(box, id, state);
    for (const [letter, run] of maps) {
      const near = data.runs[run].neighbors[id];
      add(box, "h3", `${letter}nearest training images`.replace(/^n/, "N"));
      add(box, "p", count(near, [subject]), { className: "note" });
      addNear(box, near, show);
    }
    if (pinned) add(box, "p", "Kept: Escape, or a click beside the points, lets it go.", { className: "note" });
  };

  return { describe };
})();
