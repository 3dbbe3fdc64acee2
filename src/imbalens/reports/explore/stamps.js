"use strict";
/* Points drawn pixel by pixel: thousands a frame also where the browser has no graphics processor,
   which the canvas's own shapes take a tenth of a second for. */
const stamps = (() => {
  const FINE = 4; // samples per pixel and direction, for smooth edges

  /* How much of each pixel a shape covers, 0 to 255, around a middle pixel. */
  const cover = (reach, isInside) => {
    const half = Math.ceil(reach), side = 2 * half + 1;
    const parts = [];
    for (let v = -half; v <= half; v += 1) {
      for (let u = -half; u <= half; u += 1) {
        let hits = 0;
        for (let i = 0; i < FINE; i += 1) {
          for (let j = 0; j < FINE; j += 1) {
            hits += isInside(u + (j + 0.5) / FINE - 0.5, v + (i + 0.5) / FINE - 0.5);
          }
        }
        if (hits) parts.push([u, v, (255 * hits) / FINE ** 2]);
      }
    }
    return { half, side, parts: Int16Array.from(parts.flat()) };
  };

  const disc = (r) => cover(r, (u, v) => u * u + v * v <= r * r);
  const triangle = (r) => cover(1.4 * r, (u, v) => v <= 0.8 * r && v >= -1.3 * r + 1.75 * Math.abs(u));
  const ring = (r, width) => cover(r + width, (u, v) => Math.abs(Math.hypot(u, v) - r) <= width / 2);

  /* Lay a shape of a colour over an opaque picture. */
  const stamp = ({ data, width, height }, { half, parts }, x, y, [red, green, blue], opacity) => {
    if (x < -half || y < -half || x >= width + half || y >= height + half) return;
    const middleX = Math.round(x), middleY = Math.round(y);
    for (let i = 0; i < parts.length; i += 3) {
      const px = middleX + parts[i], py = middleY + parts[i + 1];
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const share = (parts[i + 2] * opacity) / 255, at = 4 * (py * width + px);
      data[at] += (red - data[at]) * share;
      data[at + 1] += (green - data[at + 1]) * share;
      data[at + 2] += (blue - data[at + 2]) * share;
    }
  };

  return { disc, ring, stamp, triangle };
})();
