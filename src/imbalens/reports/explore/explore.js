"use strict";
/* What is shown of which runs, and what each control changes. */
(() => {
  const { add, data, find, isPoint, names, number, percent, taken } = book;
  const runs = Object.keys(data.runs);
  const letters = ["a", "b"];
  const selected = new Set();
  const planes = new Map(); // places of a run's points, from 0 to 1 across what its map shows
  let picked = -1;
  let pinned = false;
  let matching = [];

  const runOf = (letter) => find(`run-${letter}`)?.value ?? (letter === "a" ? runs[0] : "");
  const shown = () => letters.filter((letter) => runOf(letter));
  const hasB = () => shown().length > 1;
  const subject = () => (find("subject") ? Number(find("subject").value) : null);
  const state = () => ({
    a: runOf("a"), b: runOf("b"), subject: subject(), pinned, selected, show, toggle,
    maps: shown().map((letter) => [hasB() ? `${letter.toUpperCase()}: ` : "", runOf(letter)]),
  });

  /* --- maps ------------------------------------------------------------------------------ */

  const told = (letter) => ({
    hovered: (id) => { if (!pinned && id !== null) choose(id, false); },
    clicked: (id) => {
      if (id !== null) choose(id, true);
      else release();
    },
    released: () => release(),
    toggled: () => { if (picked >= 0) toggle(picked); },
    surrounded: (ids, further) => select(ids, further),
    dragging: () => document.querySelector("input[name=dragging]:checked").value,
    moved: (view) => {
      if (find("together")?.checked) for (const other of letters) if (other !== letter) maps[other]?.setView(view);
    },
  });
  const maps = Object.fromEntries(letters.filter((letter) => find(`map-${letter}`))
    .map((letter) => [letter, makeMap(find(`map-${letter}`), told(letter))]));

  const planeOf = (run) => {
    if (!planes.has(run)) {
      const spread = (values) => {
        let low = Infinity, high = -Infinity;
        for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
        return Float32Array.from(values, (value) => (high > low ? (value - low) / (high - low) : 0.5));
      };
      planes.set(run, { x: spread(data.runs[run].x), y: spread(data.runs[run].y) });
    }
    return planes.get(run);
  };

  const noteOf = (run) => {
    if (data.embedding !== "pca") return "Layout by UMAP: neighbours stay together, distances and axes mean little.";
    const [first, second] = data.runs[run].explained;
    return "Axes: the two directions along which the training features vary most" +
      (first === null ? "." : ` (${percent(first)} and ${percent(second)} of the variance).`);
  };

  const drawMaps = () => {
    const now = state();
    const { named, of } = groups.ways[find("colour").value](now);
    const places = new Map(named.map(([label], place) => [label, place]));
    const isAsked = filters.read(now);
    matching = [];
    for (let id = 0; id < data.nPoints; id += 1) if (isAsked(id)) matching.push(id);
    const [paper, faint, ink] = ["paper", "dimmed", "ink"].map(groups.resolve);
    const counts = shown().map((letter) => {
      const run = runOf(letter), group = new Uint8Array(data.nPoints).fill(named.length);
      for (const id of matching) group[id] = places.get(of(run, id));
      maps[letter].show({
        ...planeOf(run), group, colours: named.map(([, colour]) => colour),
        nTrain: data.nTrain, paper, faint, ink, selected,
      });
      find(`note-${letter}`).textContent = noteOf(run);
      const counted = named.map(() => 0);
      for (const id of matching) counted[group[id]] += 1;
      return counted;
    });
    drawLegend(named, counts);
    find("n-matching").textContent = matching.length === data.nPoints
      ? `all ${number(data.nPoints)} images` : `${number(matching.length)} of ${number(data.nPoints)} images`;
    find("take").disabled = !matching.length;
    mark();
  };

  const drawLegend = (named, counts) => {
    const list = find("legend");
    list.replaceChildren();
    named.forEach(([label, colour], i) => {
      const of = counts.map((counted) => counted[i]);
      if (!of.some(Boolean)) return;
      const item = add(list, "li");
      add(item, "span", undefined, { className: "key" }).style.background = `rgb(${colour})`;
      const alike = of.every((n) => n === of[0]);
      add(item, "span", label);
      add(item, "span", alike ? number(of[0]) : of.map((n, j) => `${letters[j].toUpperCase()} ${number(n)}`).join(", "),
        { className: "note" });
    });
  };

  const mark = () => {
    for (const letter of shown()) {
      const near = picked < 0 ? [] : data.runs[runOf(letter)].neighbors[picked].filter(isPoint);
      maps[letter].pick(picked, near);
    }
  };

  /* --- the chosen image, and the selection ------------------------------------------------ */

  const describe = () => { if (picked >= 0) panel.describe(picked, state()); };

  function choose(id, keep) {
    if (id === picked && pinned === keep) return;
    pinned = keep;
    picked = id;
    describe();
    mark();
    if (!keep) return;
    const told = state().maps.map(([letter, run]) => {
      const { neighbors, predicted } = data.runs[run];
      return `${letter}${predicted === null ? "" : `taken for ${taken(predicted[id])}; `}` +
        `nearest: ${neighbors[id].map((near) => names(data.given[near])).join("; ")}`;
    });
    announce(`${names(data.given[id])}; ${told.join(". ")}`);
  }

  const announce = (text) => { find("announced").textContent = text; };

  const release = () => {
    pinned = false;
    describe();
  };

  function show(id) {
    choose(id, true);
    find("map-a").scrollIntoView({ block: "nearest" });
    find("map-a").focus({ preventScroll: true });
  }

  const select = (ids, further) => {
    if (!further) selected.clear();
    for (const id of ids) selected.add(id);
    drawSelection();
    announce(`${number(selected.size)} selected`);
  };

  function toggle(id) {
    if (!selected.delete(id)) selected.add(id);
    drawSelection();
    announce(`${selected.has(id) ? "added" : "taken away"}; ${number(selected.size)} selected`);
  }

  const drawSelection = () => {
    selection.draw([...selected], { show, toggle });
    describe();
    mark();
  };

  /* --- controls ------------------------------------------------------------------------------ */

  const on = (id, event, act) => find(id)?.addEventListener(event, act);
  const drawAll = () => {
    drawMaps();
    describe();
  };
  const pair = () => {
    const both = find("colour").querySelector("[value=both]");
    if (both) {
      both.hidden = both.disabled = !shown().every((letter) => data.runs[runOf(letter)].predicted) || !hasB();
      if (both.disabled && find("colour").value === "both") find("colour").value = "right";
    }
    find("figure-b")?.classList.toggle("off", !hasB()); // its choice of a run stays
    filters.offer(hasB());
    drawAll();
    sheet.draw(runOf("a"), show);
  };
  for (const letter of letters) on(`run-${letter}`, "change", pair);
  for (const id of ["subject", "colour", "label", "taken", "split", "outcome", "kind-a", "kind-b", "doubted"]) {
    on(id, "change", drawAll);
  }
  on("search", "input", drawAll);
  on("filters", "reset", () => setTimeout(drawAll));
  on("filters", "submit", (event) => event.preventDefault());
  on("take", "click", () => select(matching, false));
  on("clear", "click", () => select([], false));
  on("save", "click", () => selection.save(selection.table([...selected], shown().map(runOf)), `${data.dataset}-selection.csv`));
  on("copy", "click", (event) => selection.copy(event.currentTarget));
  on("closer", "click", () => zoomAll(1.4));
  on("farther", "click", () => zoomAll(1 / 1.4));
  on("whole", "click", () => { for (const letter of shown()) maps[letter].reset(); });
  const zoomAll = (factor) => {
    const turned = find("together")?.checked ? shown().slice(0, 1) : shown();
    for (const letter of turned) maps[letter].zoom(factor);
  };
  for (const input of document.querySelectorAll("input[name=dragging]")) {
    input.addEventListener("change", () => { find("maps").dataset.dragging = input.value; });
  }
  on("about", "change", () => sheet.draw(runOf("a"), show));
  document.addEventListener("themechange", drawMaps);
  find("filters-part").open = matchMedia("(min-width: 40rem)").matches; // else the maps come first
  pair();
  drawSelection();
  globalThis.explorePage = { // for the console, and for tests
    show,
    picked: () => picked,
    selected: () => [...selected],
    where: (letter, id) => maps[letter].where(id),
  };
})();
