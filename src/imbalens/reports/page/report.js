"use strict";
(() => {
  // --- charts: drawn when they come near the screen, again in other colours or widths ---------
  const css = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };
  const isNarrow = (plot) => plot.clientWidth < 500;
  const config = (plot) => {
    const ink = css("--ink"), line = css("--line");
    const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 };
    const limit = isNarrow(plot) ? 110 : 220;
    return {
      background: null,
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: line },
      axis: { ...text, gridColor: line, domainColor: line, tickColor: line, labelLimit: limit },
      legend: { ...text, labelLimit: 300, columns: Math.max(1, Math.floor(plot.clientWidth / 210)) },
      rule: { color: ink },
    };
  };
  // colours stand in a specification as names of CSS variables
  const resolved = (item) => (String(item).startsWith("--") ? css(item) : item);
  const coloured = (text) => JSON.parse(text, (key, value) => {
    if (key === "range" && Array.isArray(value)) return value.map(resolved);
    return key === "fill" && value.condition ? { ...value, value: resolved(value.value) } : value;
  });
  const drawn = new Map();
  const draw = async (plot) => {
    const text = plot.parentElement.querySelector("script").textContent;
    drawn.get(plot)?.result?.finalize();
    const state = { narrow: isNarrow(plot) };
    drawn.set(plot, state);
    const { spec } = vegaLite.compile(coloured(text), { config: config(plot) });
    delete spec.$schema; // vega-embed takes any for another version's, and warns
    const options = { mode: "vega", actions: false, renderer: "svg" };
    state.result = await vegaEmbed(plot, spec, options);
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && !drawn.has(target)) draw(target);
    }
  }, { rootMargin: "400px" });
  const plots = () => document.querySelectorAll(".plot");
  document.addEventListener("built", ({ target }) => {
    target.querySelectorAll(".plot").forEach((plot) => watcher.observe(plot));
  });
  const redraw = (plot) => { // what is folded now is drawn when it is seen again
    if (plot.clientWidth > 0) draw(plot);
    else drawn.delete(plot);
  };
  document.addEventListener("themechange", () => [...drawn.keys()].forEach(redraw));
  addEventListener("resize", () => {
    for (const [plot, { narrow }] of drawn) if (narrow !== isNarrow(plot)) redraw(plot);
  });
  addEventListener("beforeprint", () => plots().forEach((plot) => drawn.has(plot) || draw(plot)));

  // --- pictures that several places show stand in the file once --------------------------------
  document.addEventListener("built", ({ target }) => {
    const pictures = target.querySelectorAll("[data-picture]");
    if (pictures.length === 0) return;
    const held = target.closest("section").querySelector("script.sources");
    const sources = JSON.parse(held.textContent);
    for (const picture of pictures) picture.src = sources[picture.dataset.picture];
  });

  // --- tables: undefined values stay last ------------------------------------------------------
  const collator = new Intl.Collator(undefined, { numeric: true });
  const sort = (header, table) => {
    const place = header.cellIndex;
    const numeric = header.classList.contains("number");
    const was = header.getAttribute("aria-sort");
    const falling = was === "none" ? numeric : was === "ascending";
    for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[place];
      if (numeric) return "order" in cell.dataset ? Number(cell.dataset.order) : null;
      return cell.textContent === "\u2013" ? null : cell.textContent;
    };
    const compare = (a, b) => (numeric ? a - b : collator.compare(a, b));
    const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return falling ? compare(b, a) : compare(a, b);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("table.sortable thead button");
    if (button) sort(button.closest("th"), button.closest("table"));
  });
})();
