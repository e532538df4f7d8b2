// Very many points on one canvas: small masks are blended into its pixels, which no drawing of paths comes near.

const SHAPES = ["disc", "square", "triangle", "diamond"];
const COLORS_IN_A_ROUND = 6;

/** Whether a shape covers a place, in radii from its middle. */
const COVERS = {
  disc: (x, y) => x * x + y * y <= 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.86,
  triangle: (x, y) => y <= 0.8 && Math.abs(x) <= 0.6 * (y + 1.15),
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.2,
  rim: (x, y) => Math.abs(Math.abs(x) - Math.abs(y)) <= 0.8 && Math.max(Math.abs(x), Math.abs(y)) <= 1.2,
  cross: (x, y) => Math.abs(Math.abs(x) - Math.abs(y)) <= 0.36 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
};

/** Colours repeat after a round; then the shape is another. */
function shapeOf(category) {
  return SHAPES[Math.floor(category / COLORS_IN_A_ROUND) % SHAPES.length];
}

/** How much of each pixel around the middle a shape covers (of 256), as offsets into a sheet of this stride. */
function maskOf(shape, radius, stride, fine = 4) {
  const reach = Math.ceil(1.25 * radius);
  const offsets = [];
  const shares = [];
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) {
      let inside = 0;
      for (let k = 0; k < fine * fine; k += 1) {
        const right = ((k % fine) + 0.5) / fine - 0.5;
        const down = (Math.floor(k / fine) + 0.5) / fine - 0.5;
        inside += COVERS[shape]((x + right) / radius, (y + down) / radius);
      }
      if (inside) { offsets.push(y * stride + x); shares.push((256 * inside) / fine ** 2); }
    }
  }
  return { offsets: Int32Array.from(offsets), shares: Float32Array.from(shares) };
}

/** The pixels behind a canvas, with a margin so that no point has to ask where the edge is. */
function makeSheet(width, height, margin) {
  const image = new ImageData(width + 2 * margin, height + 2 * margin);
  return { image, pixels: new Uint32Array(image.data.buffer), width, height, margin, stride: width + 2 * margin };
}

/** A CSS colour as one pixel. */
function packed(color) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = color;
  pen.fillRect(0, 0, 1, 1);
  return new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0];
}

/** Blend one mask into the sheet: red and blue together, then green. */
function stamp(pixels, at, offsets, weights, color) {
  const redBlue = color & 0xff00ff;
  const green = (color >>> 8) & 0xff;
  for (let k = 0; k < offsets.length; k += 1) {
    const place = at + offsets[k];
    const old = pixels[place];
    const weight = weights[k];
    const rest = 256 - weight;
    const mixed = ((Math.imul(redBlue, weight) >>> 0) + (Math.imul(old & 0xff00ff, rest) >>> 0)) / 256;
    const mixedGreen = (green * weight + ((old >>> 8) & 0xff) * rest) >>> 8;
    pixels[place] = (0xff000000 | (mixed & 0xff00ff) | (mixedGreen << 8)) >>> 0;
  }
}

/**
 * Draw a layer: the points `which` of a cloud ({ xy, categories }) in the shapes that `shapeFor` gives their categories.
 * `frame` = { scale, left, top } brings places to pixels.
 */
function paintLayer(sheet, cloud, frame, { which, radius, opacity, shapeFor, colors }) {
  const { pixels, width, height, margin, stride } = sheet;
  const { xy, categories } = cloud;
  const { scale, left, top } = frame;
  const masks = new Map();
  const byCategory = colors.map((_, category) => {
    const shape = shapeFor(category);
    if (!masks.has(shape)) {
      const { offsets, shares } = maskOf(shape, radius, stride);
      masks.set(shape, { offsets, weights: Int32Array.from(shares, (share) => Math.round(share * opacity)) });
    }
    return masks.get(shape);
  });
  const reach = margin - 1;
  for (let k = 0; k < which.length; k += 1) {
    const index = which[k];
    const x = Math.round(left + scale * xy[2 * index]);
    const y = Math.round(top - scale * xy[2 * index + 1]);
    if (x < -reach + margin / 2 || y < -reach + margin / 2 || x >= width + margin / 2 || y >= height + margin / 2) continue;
    const { offsets, weights } = byCategory[categories[index]];
    stamp(pixels, (y + margin) * stride + x + margin, offsets, weights, colors[categories[index]]);
  }
}

/** Radius of a point in CSS pixels: fewer are larger, and they grow a little as one comes nearer. */
function radiusFor(count, zoom) {
  const base = Math.min(4.5, Math.max(1.3, 14 / count ** 0.2));
  return base * Math.min(2.5, Math.max(0.8, zoom ** 0.35));
}

/** How opaque a point is: where there are very many, those above must let those below show. */
function opacityFor(count) {
  return Math.min(0.85, Math.max(0.35, 1.1 - 0.13 * Math.log10(Math.max(1, count))));
}
