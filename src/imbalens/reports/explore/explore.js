"use strict";
/* What is shown, of which run, and of which image. Texts of the data only ever become text nodes. */
(() => {
  const MAX_HUES = 10;
  const DRAGGED = 4; // pixels from which on a press moves the map and chooses nothing
  const HUES = ["#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#d9b426", "#b279a2", "#ff9da6", "#9d755d", "#7a6fe0"];
  const { add, addPicture, count, data, find, isKnown, isPictured, name, names, percent, taken } = book;
  const OTHERS = "other images";
  const NOT_KNOWN = "not known";
  const map = find("map");
  let picked = -1;
  let pinned = false;

  const run = () => data.runs[find("run").value];
  const chosenClass = () => (find("class").value === "" ? null : Number(find("class").value));
  const isTrain = (id) => id < data.nTrain || id >= data.nPoints;
  /* Of an image of which nothing is known, or that nobody took for anything: undefined. */
  const isRight = (id) => (run().predicted === null || (data.known && !data.known[id].length)
    ? undefined : String(data.given[id]) === String(run().predicted[id]));

  /* Thumbnails of neighbours, or what they are called; those that are on the map lead there. */
  const addNear = (parent, ids, withLabels) => {
    const list = add(parent, "ul", undefined, { className: "near" });
    for (const id of ids) {
      const item = add(list, "li");
      const label = names(data.given[id]), broken = label.replaceAll("_", "_\u200b"); // may break there
      const button = id < data.nPoints ? add(item, "button", undefined, { type: "button", title: label }) : null;
      button?.addEventListener("click", () => show(id));
      addPicture(button ?? item, id, button ? `${label}: show this image` : label);
      if (button && !isPictured(id)) add(button, "span", broken);
      else if (withLabels || !isPictured(id)) add(item, "span", broken);
    }
  };

  /* --- the chosen image ----------------------------------------------------------------- */

  const describe = (id) => {
    const { archetypes, candidates, predicted, neighbors } = run();
    const box = find("chosen");
    box.replaceChildren();
    addPicture(box, id, names(data.given[id]), "10rem");
    const facts = add(box, "dl");
    const fact = (term, text, className = "") => {
      add(facts, "dt", term);
      add(facts, "dd", text, { className });
    };
    fact("label", names(data.given[id]));
    const right = isRight(id);
    const missed = right ? "right" : data.exclusive ? "wrong" : "not the same";
    if (predicted === null) fact("prediction", "not given");
    else if (right === undefined) fact("prediction", taken(predicted[id]));
    else fact("prediction", `${taken(predicted[id])} (${missed})`, right ? "good" : "bad");
    if (id < data.nTrain) {
      const kinds = archetypes[id].map((code) => data.archetypes[code]);
      fact("archetype", data.exclusive ? kinds[0]
        : kinds.map((kind, i) => `${kind} (${name(data.given[id][i])})`).join(", "));
    }
    for (const [place, candidate] of candidates.entries()) {
      if (candidate.picture !== id) continue;
      fact("in doubt", `${candidate.suggested} rather than ${candidate.given} (number ${place + 1})`, "bad");
    }
    if (data.planted[id] >= 0) fact("planted", `wrong label, truly ${name(data.planted[id])}`);
    fact("split", isTrain(id) ? "train" : data.split);
    fact("image", data.names[id] ? `${data.names[id]}, index ${data.index[id]}` : `index ${data.index[id]}`);
    add(box, "h3", "Nearest training images");
    addNear(box, neighbors[id], true);
    if (pinned) add(box, "p", "Kept: Escape, or a click beside the points, lets it go.", { className: "note" });
  };

  function choose(id, keep) {
    pinned = keep;
    if (id === picked && !keep) return;
    picked = id;
    const ids = run().neighbors[id];
    describe(id);
    imageMap.pick(id, ids.filter((near) => near < data.nPoints));
    if (keep) {
      find("announced").textContent =
        `${names(data.given[id])}${run().predicted === null ? "" : `, taken for ${taken(run().predicted[id])}`}; ` +
        `nearest: ${ids.map((near) => names(data.given[near])).join("; ")}`;
    }
  }

  const show = (id) => {
    choose(id, true);
    map.scrollIntoView({ block: "nearest" });
    map.focus({ preventScroll: true });
  };

  /* --- the map -------------------------------------------------------------------------- */

  const byClass = () => {
    const code = chosenClass();
    if (code !== null) {
      return {
        groups: [[OTHERS, imageMap.resolve("others")], [name(code), imageMap.resolve("run-1")]],
        of: (id) => (data.given[id].includes(code) ? name(code) : OTHERS),
      };
    }
    const most = data.classes.length <= MAX_HUES ? MAX_HUES : MAX_HUES - 1;
    const coloured = data.order.slice(0, most);
    const groups = coloured.map((own, i) => [name(own), HUES[i]]);
    const someInNone = data.given.some((own) => !own.length);
    if (coloured.length < data.classes.length || someInNone) groups.unshift([OTHERS, imageMap.resolve("others")]);
    return { groups, of: (id) => (coloured.includes(data.given[id][0]) ? name(data.given[id][0]) : OTHERS) };
  };

  const byArchetype = () => {
    const code = chosenClass();
    const colours = ["run-0", "run-2", "run-1", "run-3"].map(imageMap.resolve);
    const groups = data.archetypes.map((kind, i) => [kind, colours[i]]);
    groups.unshift([imageMap.UNDEFINED, imageMap.resolve("run-5")]);
    if (code !== null) groups.unshift([OTHERS, imageMap.resolve("others")]);
    const of = (id) => {
      const place = code === null ? 0 : data.given[id].indexOf(code);
      if (place < 0) return OTHERS;
      return id < data.nTrain && data.given[id].length ? data.archetypes[run().archetypes[id][place]] : imageMap.UNDEFINED;
    };
    return { groups, of };
  };

  const byRight = () => {
    const code = chosenClass();
    const [good, bad, odd, others] = ["run-0", "run-1", "run-3", "others"].map(imageMap.resolve);
    if (run().predicted === null) return { groups: [[NOT_KNOWN, imageMap.resolve("run-5")]], of: () => NOT_KNOWN };
    if (code === null) {
      return { groups: [["right", good], ["wrong", bad]], of: (id) => (isRight(id) ? "right" : "wrong") };
    }
    const unknown = [NOT_KNOWN, imageMap.resolve("run-5")];
    const kinds = ["neither has it nor taken for it", "has it, found", "has it, missed", "taken for it wrongly"];
    const of = (id) => {
      if (!isKnown(id, code)) return NOT_KNOWN;
      const has = data.given[id].includes(code), found = run().predicted[id].includes(code);
      return kinds[has ? (found ? 1 : 2) : found ? 3 : 0];
    };
    return { groups: [unknown, ...kinds.map((kind, i) => [kind, [others, good, bad, odd][i]])], of };
  };

  const MODES = { class: byClass, archetype: byArchetype, right: byRight };

  const drawMap = async () => {
    const { groups, of } = MODES[find("colour").value]();
    const { x, y, explained } = run();
    const isShown = (id) => (id < data.nTrain ? find("train").checked : find("evaluation").checked);
    const points = [];
    for (let id = 0; id < data.nPoints; id += 1) {
      const split = id < data.nTrain ? "training" : data.split;
      if (isShown(id)) points.push({ id, x: x[id], y: y[id], group: of(id), split });
    }
    const domain = groups.map(([label]) => label);
    points.sort((a, b) => domain.indexOf(a.group) - domain.indexOf(b.group));
    const present = new Set(points.map(({ group }) => group));
    const used = groups.filter(([label]) => present.has(label));
    const splits = data.nPoints > data.nTrain ? ["training", data.split] : ["training"];
    find("map-note").textContent = data.embedding === "pca"
      ? "Axes: the two directions along which the training features vary most" +
        (explained[0] === null ? "." : ` (${explained.map(percent).join(" and ")} of the variance).`)
      : "Layout by UMAP: neighbours stay together, distances and axes mean little.";
    const extent = Object.fromEntries([["x", x], ["y", y]].map(
      ([axis, values]) => [axis, [Math.min(...values), Math.max(...values)]]));
    await imageMap.draw(points, extent, used.map(([label]) => label), used.map(([, colour]) => colour), splits);
    if (picked >= 0) imageMap.pick(picked, run().neighbors[picked].filter((near) => near < data.nPoints));
  };

  /* --- labels that may be wrong --------------------------------------------------------- */

  const drawSheet = () => {
    const { candidates, neighbors, nCandidates, recovery } = run();
    const wanted = find("about").value;
    const listed = [...candidates.entries()].filter(
      ([, { about }]) => wanted === "" || about.includes(Number(wanted)),
    );
    const nRuns = Object.keys(data.runs).length;
    find("doubt-note").textContent =
      `Run ${find("run").value}: ${nCandidates} labels in doubt, ${candidates.length} listed, ${listed.length} shown.` +
      (recovery === null ? "" : ` Of the listed, ${percent(recovery.listed_precision)} were planted wrong, ` +
        `which is ${percent(recovery.listed_recall)} of all planted ones; average precision of the ` +
        `order ${recovery.average_precision.toFixed(2)}, by chance ${recovery.chance.toFixed(2)}.`);
    const sheet = find("sheet");
    sheet.replaceChildren();
    for (const [place, candidate] of listed) {
      const id = candidate.picture;
      const item = add(sheet, "li");
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
      addNear(near, neighbors[id], false);
    }
    if (!listed.length) add(sheet, "li", "None.");
  };

  /* --- events --------------------------------------------------------------------------- */

  map.addEventListener("mousemove", (event) => {
    const id = pinned || event.buttons ? null : imageMap.at(event);
    if (id !== null) choose(id, false);
  });
  let pressed = [0, 0];
  map.addEventListener("mousedown", ({ clientX, clientY }) => { pressed = [clientX, clientY]; });
  map.addEventListener("click", (event) => {
    if (Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > DRAGGED) return;
    const id = imageMap.at(event);
    if (id !== null) choose(id, true);
    else if (pinned) release();
  });
  const release = () => {
    pinned = false;
    if (picked >= 0) describe(picked);
  };
  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  map.addEventListener("keydown", (event) => {
    if (event.key === "Escape") release();
    if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const id = imageMap.towards(picked, ARROWS[event.key]);
    if (id !== null) choose(id, true);
  });
  for (const id of ["class", "colour", "train", "evaluation"]) find(id)?.addEventListener("change", drawMap);
  find("run").addEventListener("change", () => {
    drawMap();
    drawSheet();
    if (picked >= 0) describe(picked);
  });
  find("about").addEventListener("change", drawSheet);
  document.addEventListener("themechange", drawMap);
  drawMap();
  drawSheet();
})();
