"use strict";
/* The map: a Vega-Lite chart, and which of its points lies where. */
const imageMap = (() => {
  const HEIGHT = 460;
  const REACH = 28; // pixels within which a point is meant
  const UNDEFINED = "not judged";
  let view = null;
  let shown = [];

  /* A CSS variable such as --good may say light-dark(...): let the browser work it out. */
  const resolve = (name) => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = `var(--${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };

  const makeSpec = (points, extent, domain, range, splits) => {
    const ink = resolve("ink"), faint = resolve("faint");
    const narrow = document.getElementById("map").clientWidth < 500;
    const place = (field) => ({
      field, type: "quantitative", axis: null,
      scale: { domain: extent[field], nice: false, padding: 12 },
    });
    const ring = (test, size, width) => ({
      transform: [{ filter: test }],
      mark: { type: "point", filled: false, stroke: ink, opacity: 1, size, strokeWidth: width },
      encoding: { x: place("x"), y: place("y") },
    });
    const isShort = domain.every((label) => label.length < 14);
    const legend = { labelLimit: narrow ? 130 : 220, symbolOpacity: 1 };
    return {
      width: "container",
      height: HEIGHT,
      autosize: { type: "fit", contains: "padding", resize: true },
      background: "transparent",
      padding: 6,
      data: { name: "points", values: points },
      params: [{ name: "picked", value: -1 }, { name: "near", value: [] }],
      layer: [
        {
          params: [{
            name: "grid", bind: "scales",
            select: { type: "interval", zoom: "wheel![event.shiftKey]" },
          }],
          mark: { type: "point", filled: true, opacity: 0.8, clip: true },
          encoding: {
            x: place("x"),
            y: place("y"),
            color: {
              field: "group", type: "nominal", scale: { domain, range },
              legend: { ...legend, title: null, columns: narrow ? 2 : isShort ? 6 : 4 },
            },
            shape: {
              field: "split", type: "nominal",
              scale: { domain: splits, range: ["circle", "triangle-up"] },
              legend: splits.length > 1 ? { ...legend, title: null } : null,
            },
            size: { condition: { test: "datum.split === 'training'", value: 26 }, value: 42 },
          },
        },
        ring("indexof(near, datum.id) >= 0", 110, 1.5),
        ring("datum.id === picked", 240, 3),
      ],
      config: {
        view: { stroke: null },
        legend: {
          orient: "bottom", direction: "horizontal", labelColor: ink, titleColor: faint,
          layout: { bottom: { anchor: "start", direction: "vertical", margin: 6 } },
          labelFontSize: 13, rowPadding: 3, columnPadding: 14, symbolStrokeWidth: 0,
          symbolFillColor: faint,
        },
      },
    };
  };

  const draw = async (points, extent, domain, range, splits) => {
    if (view) view.finalize();
    shown = points;
    const { spec } = vegaLite.compile(makeSpec(points, extent, domain, range, splits));
    delete spec.$schema; // vega-embed takes any for another version's, and warns
    const options = { mode: "vega", actions: false, renderer: "svg" };
    ({ view } = await vegaEmbed("#map", spec, options));
  };

  const pick = (id, near) => {
    if (view) view.signal("picked", id).signal("near", near).runAsync();
  };

  const onPlane = (point) => [view.scale("x")(point.x), view.scale("y")(point.y)];

  /* The point nearest to the pointer, null if none is within reach. */
  const at = (event) => {
    const chart = document.querySelector("#map svg");
    if (!view || !chart) return null;
    const edge = chart.getBoundingClientRect();
    const [left, top] = view.origin();
    const x = event.clientX - edge.left - left, y = event.clientY - edge.top - top;
    let best = null, least = REACH ** 2;
    for (const point of shown) {
      const [px, py] = onPlane(point);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance <= least) [best, least] = [point.id, distance];
    }
    return best;
  };

  /* The point that an arrow key leads to from another: close by, and ahead rather than aside. */
  const towards = (id, [right, down]) => {
    const from = shown.find((point) => point.id === id);
    if (!from) return shown.length ? shown[0].id : null;
    const [x, y] = onPlane(from);
    let best = id, least = Infinity;
    for (const point of shown) {
      const [px, py] = onPlane(point);
      const ahead = (px - x) * right + (py - y) * down;
      const aside = (px - x) * down + (py - y) * right;
      if (ahead <= 0.5 || Math.abs(aside) > 2 * ahead) continue;
      const distance = ahead ** 2 + 2 * aside ** 2;
      if (distance < least) [best, least] = [point.id, distance];
    }
    return best;
  };

  return { UNDEFINED, at, draw, pick, resolve, towards };
})();
