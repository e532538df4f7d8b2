// Where points lie: units of our own, a camera over them, and which point is meant.

/** Places brought into a box around 0 whose longer half is 1, so that the camera stays where all of them move. */
function unitPlaces(raw) {
  if (!raw.length) return { xy: new Float32Array(0), halves: [1, 1] };
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let k = 0; k < raw.length; k += 1) {
    if (raw[k] < low[k % 2]) low[k % 2] = raw[k];
    if (raw[k] > high[k % 2]) high[k % 2] = raw[k];
  }
  const halves = [0, 1].map((axis) => (high[axis] - low[axis]) / 2 || 0);
  const unit = Math.max(...halves) || 1;
  const middle = [0, 1].map((axis) => (high[axis] + low[axis]) / 2);
  const xy = new Float32Array(raw.length);
  for (let k = 0; k < raw.length; k += 1) xy[k] = (raw[k] - middle[k % 2]) / unit;
  return { xy, halves: halves.map((half) => Math.max(half / unit, 1e-3)) };
}

/** Looks at the points: `zoom` 1 shows all of them, `x` and `y` are what stands in the middle. */
function makeCamera() {
  const camera = { zoom: 1, x: 0, y: 0, width: 1, height: 1, halves: [1, 1] };
  const scale = () => {
    const { width, height, halves } = camera;
    return 0.93 * camera.zoom * Math.min(width / 2 / halves[0], height / 2 / halves[1]);
  };
  /** Left and top of the places' zero and pixels per unit, times `ratio`. */
  const frame = (ratio = 1) => ({
    scale: scale() * ratio,
    left: (camera.width / 2 - camera.x * scale()) * ratio,
    top: (camera.height / 2 + camera.y * scale()) * ratio,
  });
  const screen = (xy, index) => {
    const { scale: unit, left, top } = frame();
    return [left + unit * xy[2 * index], top - unit * xy[2 * index + 1]];
  };
  const pan = (right, down) => {
    camera.x -= right / scale();
    camera.y += down / scale();
    camera.x = Math.min(1.2, Math.max(-1.2, camera.x)); // all of them cannot be lost from sight
    camera.y = Math.min(1.2, Math.max(-1.2, camera.y));
  };
  /** Come nearer by this factor while what is at (x, y) stays there. */
  const zoomAt = (factor, x = camera.width / 2, y = camera.height / 2) => {
    const before = scale();
    camera.zoom = Math.min(200, Math.max(0.5, camera.zoom * factor));
    const shift = 1 / before - 1 / scale();
    camera.x += (x - camera.width / 2) * shift;
    camera.y -= (y - camera.height / 2) * shift;
  };
  const fit = () => Object.assign(camera, { zoom: 1, x: 0, y: 0 });
  return Object.assign(camera, { frame, screen, pan, zoomAt, fit });
}

/** The point nearest to a place on the screen, or -1 where none is within reach. */
function nearestPoint(camera, xy, x, y, reach = Infinity) {
  const { scale, left, top } = camera.frame();
  let best = -1;
  let least = reach * reach;
  for (let index = 0; 2 * index < xy.length; index += 1) {
    const right = left + scale * xy[2 * index] - x;
    const down = top - scale * xy[2 * index + 1] - y;
    const far = right * right + down * down;
    if (far <= least) { least = far; best = index; }
  }
  return best;
}

/** The nearest point that lies in a direction (within 45 degrees of it), or the same where none does. */
function nextPoint(xy, from, [right, up]) {
  let best = from;
  let least = Infinity;
  for (let index = 0; 2 * index < xy.length; index += 1) {
    const x = xy[2 * index] - xy[2 * from];
    const y = xy[2 * index + 1] - xy[2 * from + 1];
    const along = x * right + y * up;
    const across = Math.abs(x * up - y * right);
    const far = along + 2 * across;
    if (along > 0 && across <= along && far < least) { least = far; best = index; }
  }
  return best;
}

/** The points inside a closed line of screen places. */
function pointsInside(camera, xy, line) {
  const { scale, left, top } = camera.frame();
  const found = [];
  const inside = (x, y) => {
    let odd = false;
    for (let k = 0, before = line.length - 1; k < line.length; before = k, k += 1) {
      const [ax, ay] = line[k];
      const [bx, by] = line[before];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
    return odd;
  };
  for (let index = 0; 2 * index < xy.length; index += 1) {
    if (inside(left + scale * xy[2 * index], top - scale * xy[2 * index + 1])) found.push(index);
  }
  return found;
}
