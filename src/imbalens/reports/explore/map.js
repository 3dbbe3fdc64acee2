"use strict";
/* A map on a canvas: its points, moving and zooming, and which of them lies where. */
const makeMap = (canvas, told) => {
  const REACH = 28, DRAGGED = 4; // pixels within which a point is meant; from which a press drags
  const PADDING = 14, MOST_ZOOM = 60;
  const context = canvas.getContext("2d", { willReadFrequently: true }); // kept where pixels are written
  let scene = null; // see `show`
  let order = new Uint32Array(0);
  let picture = null;
  let width = 0, height = 0, scale = 1;
  let view = { zoom: 1, x: 0, y: 0 };
  let marks = { picked: -1, near: [] };
  let area = []; // corners of what is being drawn around
  let awaited = 0;

  const placeX = (id) => PADDING + (width - 2 * PADDING) * (scene.x[id] * view.zoom + view.x);
  const placeY = (id) => PADDING + (height - 2 * PADDING) * (scene.y[id] * view.zoom + view.y);
  const isLit = (id) => scene.group[id] < scene.colours.length;

  /* --- drawing -------------------------------------------------------------------------- */

  const measure = () => {
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    scale = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    picture = context.createImageData(canvas.width, canvas.height);
  };

  const paint = () => {
    awaited = 0;
    if (!scene || !canvas.clientWidth) return;
    if (canvas.clientWidth !== width || canvas.clientHeight !== height || !picture) measure();
    const [red, green, blue] = scene.paper;
    new Uint32Array(picture.data.buffer).fill((255 << 24) | (blue << 16) | (green << 8) | red);
    const crowd = order.length > 6000 ? 2.2 : order.length > 1500 ? 2.8 : 3.4;
    const radius = Math.min(6, crowd * view.zoom ** 0.3) * scale;
    const shapes = [stamps.disc(radius), stamps.triangle(1.1 * radius)].map((make) => make(canvas.width));
    const faint = [stamps.disc(0.6 * radius), stamps.triangle(0.7 * radius)].map((make) => make(canvas.width));
    const around = stamps.ring(radius + 1.5 * scale, 1.5 * scale)(canvas.width);
    for (const id of order) {
      const lit = isLit(id), shape = (lit ? shapes : faint)[id < scene.nTrain ? 0 : 1];
      const x = placeX(id) * scale, y = placeY(id) * scale;
      stamps.stamp(picture, shape, x, y, lit ? scene.colours[scene.group[id]] : scene.faint, lit ? 0.85 : 0.6);
      if (scene.selected.has(id)) stamps.stamp(picture, around, x, y, scene.ink, 1);
    }
    context.putImageData(picture, 0, 0);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.strokeStyle = `rgb(${scene.ink})`;
    for (const id of marks.near) circle(id, 6.5, 1.5);
    if (marks.picked >= 0) circle(marks.picked, 9, 3);
    if (area.length > 1) outline();
    context.setTransform(1, 0, 0, 1, 0, 0);
  };

  const circle = (id, radius, line) => {
    context.lineWidth = line;
    context.beginPath();
    context.arc(placeX(id), placeY(id), radius, 0, 2 * Math.PI);
    context.stroke();
  };

  const outline = () => {
    context.lineWidth = 1.5;
    context.setLineDash([6, 4]);
    context.beginPath();
    for (const [x, y] of area) context.lineTo(x, y);
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  };

  const draw = () => { awaited ||= requestAnimationFrame(paint); };

  /* Show points: places from 0 to 1, a group each (beyond the colours: faint), who is selected. */
  const show = (next) => {
    scene = next;
    order = Uint32Array.from(scene.group.keys());
    const rank = (id) => (isLit(id) ? scene.group[id] : -1);
    order.sort((a, b) => rank(a) - rank(b) || a - b);
    draw();
  };

  const pick = (picked, near) => {
    marks = { picked, near };
    draw();
  };

  /* --- which point lies where ------------------------------------------------------------- */

  const at = ([x, y]) => {
    let best = null, least = REACH ** 2;
    for (const id of order) {
      if (!isLit(id)) continue;
      const distance = (placeX(id) - x) ** 2 + (placeY(id) - y) ** 2;
      if (distance <= least) [best, least] = [id, distance];
    }
    return best;
  };

  /* The point that an arrow key leads to from another: close by, and ahead rather than aside. */
  const towards = (from, [right, down]) => {
    if (from < 0 || !isLit(from)) return order.find(isLit) ?? null;
    const x = placeX(from), y = placeY(from);
    let best = from, least = Infinity;
    for (const id of order) {
      if (!isLit(id)) continue;
      const across = placeX(id) - x, under = placeY(id) - y;
      const ahead = across * right + under * down, aside = across * down + under * right;
      if (ahead <= 0.5 || Math.abs(aside) > 2 * ahead) continue;
      const distance = ahead ** 2 + 2 * aside ** 2;
      if (distance < least) [best, least] = [id, distance];
    }
    return best;
  };

  /* The points within a polygon, by the even-odd rule. */
  const within = (corners) => [...order].filter((id) => {
    if (!isLit(id)) return false;
    const x = placeX(id), y = placeY(id);
    let inside = false;
    corners.forEach(([x1, y1], i) => {
      const [x2, y2] = corners.at(i - 1);
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
    });
    return inside;
  });

  /* --- moving and zooming ----------------------------------------------------------------- */

  const setView = (next) => {
    view = next;
    draw();
  };
  const turn = (next) => {
    setView(next);
    told.moved(next);
  };
  const move = (right, down) => turn({
    ...view,
    x: view.x + right / (width - 2 * PADDING),
    y: view.y + down / (height - 2 * PADDING),
  });
  const zoom = (factor, [x, y] = [width / 2, height / 2]) => {
    const next = Math.min(MOST_ZOOM, Math.max(1 / 4, view.zoom * factor));
    const stay = (offset, place) => place - ((place - offset) * next) / view.zoom;
    turn({
      zoom: next,
      x: stay(view.x, (x - PADDING) / (width - 2 * PADDING)),
      y: stay(view.y, (y - PADDING) / (height - 2 * PADDING)),
    });
  };
  const reset = () => turn({ zoom: 1, x: 0, y: 0 });

  /* --- events ------------------------------------------------------------------------------- */

  const pointers = new Map();
  let pressed = null; // where the pointer went down, and what it is doing since
  const spot = (event) => {
    const edge = canvas.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };
  const spread = () => {
    const [[x1, y1], [x2, y2]] = pointers.values();
    return { middle: [(x1 + x2) / 2, (y1 + y2) / 2], length: Math.hypot(x1 - x2, y1 - y2) };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
    pressed = { at: spot(event), dragged: pointers.size > 1, pinch: pointers.size === 2 ? spread() : null };
    area = [];
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = spot(event), before = pointers.get(event.pointerId);
    if (!before || !pressed) {
      told.hovered(at(now));
      return;
    }
    pointers.set(event.pointerId, now);
    if (pressed.pinch && pointers.size === 2) {
      const next = spread();
      zoom(next.length / pressed.pinch.length, next.middle);
      move(next.middle[0] - pressed.pinch.middle[0], next.middle[1] - pressed.pinch.middle[1]);
      pressed.pinch = next;
      return;
    }
    pressed.dragged ||= Math.hypot(now[0] - pressed.at[0], now[1] - pressed.at[1]) > DRAGGED;
    if (!pressed.dragged) return;
    const way = told.dragging();
    if (way === "move") move(now[0] - before[0], now[1] - before[1]);
    else {
      const [x, y] = pressed.at;
      area = way === "lasso" ? [...(area.length ? area : [pressed.at]), now] : [[x, y], [now[0], y], now, [x, now[1]]];
      draw();
    }
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId) || !pressed || pointers.size) return;
    const { dragged } = pressed, corners = area;
    pressed = null;
    area = [];
    draw();
    if (event.type === "pointercancel") return;
    if (corners.length > 2) told.surrounded(within(corners), event.shiftKey);
    else if (!dragged) told.clicked(at(spot(event)));
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("dblclick", () => { if (told.dragging() === "move") reset(); });
  canvas.addEventListener("wheel", (event) => {
    if (!event.shiftKey && !event.ctrlKey) return;
    event.preventDefault();
    zoom(1.0015 ** -(event.deltaY || event.deltaX), spot(event));
  }, { passive: false });

  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const STEP = 40; // pixels that an arrow moves the map by
  const KEYS = { "+": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: reset, Escape: told.released, Enter: told.toggled, " ": told.toggled };
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    if (!arrow && !(event.key in KEYS)) return;
    event.preventDefault();
    if (!arrow) KEYS[event.key]();
    else if (event.shiftKey) move(-STEP * arrow[0], -STEP * arrow[1]);
    else told.clicked(towards(marks.picked, arrow));
  });
  new ResizeObserver(draw).observe(canvas);

  /* Where a point is drawn, in pixels of the canvas. */
  const where = (id) => [placeX(id), placeY(id)];
  return { pick, reset, setView, show, where, zoom };
};
