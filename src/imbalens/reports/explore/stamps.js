"use strict";
/* Points drawn pixel by pixel: thousands a frame also where the browser has no graphics processor,
   which the canvas's own shapes take a tenth of a second for. */
const stamps = (() => {
  const FINE = 4; // samples per pixel and direction, for smooth edges

  /* How much of each pixel around a middle one a shape covers, and where that lies in a picture. */
  const cover = (reach, isInside) => (width) => {
    const half = Math.ceil(reach), parts = [];
    for (let v = -half; v <= half; v += 1) {
      for (let u = -half; u <= half; u += 1) {
        let hits = 0;
        for (let i = 0; i < FINE; i += 1) {
          for (let j = 0; j < FINE; j += 1) {
            hits += isInside(u + (j + 0.5) / FINE - 0.5, v + (i + 0.5) / FINE - 0.5);
          }
        }
        if (hits) parts.push([u, v, hits / FINE ** 2]);
      }
    }
    return {
      half,
      across: Int32Array.from(parts, ([u]) => u),
      under: Int32Array.from(parts, ([, v]) => v),
      offset: Int32Array.from(parts, ([u, v]) => 4 * (v * width + u)),
      share: Float32Array.from(parts, ([, , share]) => share),
    };
  };

  const disc = (r) => cover(r, (u, v) => u * u + v * v <= r * r);
  const triangle = (r) => cover(1.4 * r, (u, v) => v <= 0.8 * r && v >= -1.3 * r + 1.75 * Math.abs(u));
  const ring = (r, line) => cover(r + line, (u, v) => Math.abs(Math.hypot(u, v) - r) <= line / 2);

  /* Lay a shape of a colour over an opaque picture. */
  const stamp = ({ data, width, height }, shape, x, y, [red, green, blue], opacity) => {
    const { across, half, offset, share, under } = shape;
    const left = Math.round(x), top = Math.round(y);
    if (left < -half || top < -half || left >= width + half || top >= height + half) return;
    const isWhole = left >= half && top >= half && left < width - half && top < height - half;
    const middle = 4 * (top * width + left);
    for (let i = 0; i < offset.length; i += 1) {
      if (!isWhole) {
        const px = left + across[i], py = top + under[i];
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
      }
      const at = middle + offset[i], part = share[i] * opacity;
      data[at] += (red - data[at]) * part;
      data[at + 1] += (green - data[at + 1]) * part;
      data[at + 2] += (blue - data[at + 2]) * part;
    }
  };

  return { disc, ring, stamp, triangle };
})();
