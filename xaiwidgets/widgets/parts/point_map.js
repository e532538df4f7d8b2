// PointMap in the browser: paints the points, moves the camera, and tells Python what is pointed at and chosen.

const REACH = 24; // px from the pointer to the point that is meant
const MORPH = 240; // ms from old places to new ones
const DRAG = 4; // px that a hand may move in a click
const NOTHING = { xy: new Float32Array(0), categories: new Uint16Array(0), count: 0, names: [], noun: "point", layers: [] };

function numbers(Kind, { buffer, byteOffset, byteLength }) {
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength)); // a view of a message need not be aligned
}

function buildMap(model, el) {
  const points = h("canvas", { class: "xw-map-points" });
  const marks = h("canvas", { class: "xw-map-marks" });
  const picture = h("div", { class: "xw-map-picture", role: "img", "data-drawn": 0 }, points, marks);
  const option = h("div", { id: freshId("point"), role: "option", class: "xw-unseen", "aria-selected": "false" });
  const help = h("p", { id: freshId("map-help"), class: "xw-unseen" },
    "Arrow keys go from point to point, Enter chooses one, Space adds it to those chosen, Escape chooses none, " +
    "plus and minus zoom, 0 shows all.");
  const stage = h("div", { class: "xw-map-stage", role: "listbox", "aria-multiselectable": "true", tabindex: 0,
    "aria-describedby": help.id, "data-lm-suppress-shortcuts": "true" }, option);
  const tip = makeTip();
  const key = h("ul", { class: "xw-map-key", "aria-label": "Key" });
  const button = (text, label, title) => h("button", { class: "xw-button xw-map-button", type: "button",
    "aria-label": label, title }, text);
  const lasso = button("Lasso", "Lasso", "Drag around several points (or drag with Shift)");
  lasso.setAttribute("aria-pressed", "false");
  const buttons = { lasso, nearer: button("+", "Zoom in", "Zoom in"), away: button("−", "Zoom out", "Zoom out"),
    fit: button("All", "Show all", "Show all points") };
  const bar = h("div", { class: "xw-map-bar" }, key, h("div", { class: "xw-map-buttons" }, ...Object.values(buttons)));
  const field = h("div", { class: "xw-map-field" }, picture, stage, tip.el);
  field.style.height = `${model.get("_height")}px`;
  const root = h("div", { class: "xw-map" }, bar, field, help);
  el.append(root);
  return { root, field, picture, points, marks, stage, option, tip, key, buttons };
}

/** The painter: paints points and marks when asked, at most once a frame. */
function mapPainter(dom, camera, state, painted) {
  let sheet = null;
  let waiting = 0;
  let stale = false;
  const colorsOf = () => {
    const style = getComputedStyle(dom.field);
    return { ground: style.backgroundColor, ink: style.color, accent: style.borderTopColor };
  };
  const paintPoints = (ratio, { ground }) => {
    const { cloud } = state;
    const [width, height] = [dom.points.width, dom.points.height];
    const radius = radiusFor(cloud.count, camera.zoom) * ratio;
    const margin = 2 * Math.ceil(2.5 * radius + 2 * ratio);
    if (sheet?.width !== width || sheet.height !== height || sheet.margin !== margin) {
      sheet = makeSheet(width, height, margin);
    }
    const base = packed(ground);
    sheet.pixels.fill(base);
    const colors = cloud.colors ?? [];
    const frame = camera.frame(ratio);
    for (const { which, opacity, cross } of cloud.layers) {
      const look = { which, opacity, radius: cross ? 1.4 * radius + ratio : radius };
      // A rim keeps crosses apart from the points of their colour below.
      if (cross) paintLayer(sheet, cloud, frame, { ...look, shapeFor: () => "rim", colors: colors.map(() => base) });
      paintLayer(sheet, cloud, frame, { ...look, shapeFor: cross ? () => "cross" : shapeOf, colors });
    }
    dom.points.getContext("2d", { alpha: false, willReadFrequently: true }).putImageData(sheet.image, -margin, -margin);
  };
  const paint = () => {
    waiting = 0;
    [camera.width, camera.height] = [dom.field.clientWidth, dom.field.clientHeight];
    if (!camera.width) return; // on a page that is not open
    const began = performance.now();
    const ratio = devicePixelRatio;
    const size = { width: Math.round(camera.width * ratio), height: Math.round(camera.height * ratio) };
    if (dom.points.width !== size.width || dom.points.height !== size.height) {
      Object.assign(dom.points, size);
      Object.assign(dom.marks, size);
      stale = true;
    }
    const colors = colorsOf();
    if (stale) paintPoints(ratio, colors);
    paintMarks(dom.marks, ratio, camera, state.cloud.xy, colors, state.marks);
    state.milliseconds = performance.now() - began;
    if (stale && state.cloud.count) {
      dom.picture.dataset.milliseconds = state.milliseconds.toFixed(1);
      dom.picture.dataset.drawn = Number(dom.picture.dataset.drawn) + 1;
    }
    stale = false;
    painted();
  };
  const ask = (points) => {
    stale ||= points;
    waiting ||= requestAnimationFrame(paint);
  };
  return { points: () => ask(true), marks: () => ask(false), stop: () => cancelAnimationFrame(waiting) };
}

/** Which points are painted together: the chosen ones over the rest, crosses over both. */
function layersOf({ count, crosses }, selected) {
  const chosen = new Set(selected.length > 1 ? selected : []);
  const opacity = opacityFor(count);
  const layers = [{ opacity: chosen.size ? 0.25 * opacity : opacity }, { opacity: 0.9 },
    { opacity: chosen.size ? 0.35 : 1, cross: true }, { opacity: 1, cross: true },
  ].map((layer) => ({ ...layer, which: [] }));
  for (let index = 0; index < count; index += 1) layers[2 * crosses[index] + chosen.has(index)].which.push(index);
  return layers.map((layer) => ({ ...layer, which: Uint32Array.from(layer.which) }));
}

/** Bring the points from where they are to new places, in as many pictures as there is time for. */
function mapMover(camera, state, painter) {
  let handle = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  return (raw) => {
    cancelAnimationFrame(handle);
    const { xy, halves } = unitPlaces(raw);
    const from = { xy: state.cloud.xy, halves: camera.halves };
    const began = performance.now();
    const go = () => {
      const quick = still.matches || state.milliseconds > 30 || from.xy.length !== xy.length || document.hidden;
      const share = quick ? 1 : Math.min(1, (performance.now() - began) / MORPH);
      const mix = (a, b) => a + (b - a) * share;
      camera.halves = halves.map((half, axis) => mix(from.halves[axis], half));
      state.cloud.xy = share === 1 ? xy : xy.map((value, k) => mix(from.xy[k], value));
      painter.points();
      if (share < 1) handle = requestAnimationFrame(go);
    };
    go();
    return () => cancelAnimationFrame(handle);
  };
}

function render({ model, el }) {
  const dom = buildMap(model, el);
  const camera = makeCamera();
  const state = { cloud: NOTHING, epoch: -1, milliseconds: 0,
    marks: { query: -1, neighbours: [], trail: [], cursor: -1, selected: [], lasso: [] } };
  const painter = mapPainter(dom, camera, state, () => hands.follow());
  const move = mapMover(camera, state, painter);
  const link = openLink(model, () => ({ visible: !document.hidden }));
  const desk = pictureDesk(link, () => state.epoch, (index) => hands.arrived(index));
  const hands = mapHands({ model, link, dom, camera, state, painter, desk, select: (chosen) => select(chosen) });
  const select = (chosen = model.get("selected")) => {
    state.marks.selected = chosen;
    state.cloud.layers = state.cloud.count ? layersOf(state.cloud, state.marks.selected) : [];
    painter.points();
    hands.name();
  };
  const whole = (message, [places, categories, crosses]) => {
    hands.lookAway(); // the points are others
    desk.clear();
    state.epoch = message.epoch;
    state.cloud = { ...message, xy: state.cloud.count === message.count ? state.cloud.xy : new Float32Array(0),
      categories: numbers(Uint16Array, categories), crosses: numbers(Uint8Array, crosses),
      css: message.colors, colors: message.colors.map(packed) };
    writeKey(dom.key, state.cloud);
    move(numbers(Float32Array, places));
    select();
  };
  link.receive((message, buffers) => {
    if (message.type === "whole") whole(message, buffers);
    if (message.type === "places" && message.epoch === state.epoch) move(numbers(Float32Array, buffers[0]));
    if (message.type === "marks") { Object.assign(state.marks, message.marks); painter.marks(); }
    if (message.number) link.send("ack", { number: message.number });
  });
  const resize = new ResizeObserver(painter.points);
  resize.observe(dom.field);
  onThemeChange(link.signal, () => requestAnimationFrame(painter.points));
  const stops = [follow(model, ["selected"], () => select()), follow(model, ["_label"], hands.name)];
  hands.name();
  requestAnimationFrame(link.hello);
  return () => { resize.disconnect(); painter.stop(); stops.forEach((stop) => stop()); link.close(); };
}

export default { render };
