// What hands do on the map: drag, zoom, lasso, click, and all of it with keys.

const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** What a point is called. */
function pointName({ noun, names, categories, crosses, crossed }, index) {
  const kind = names[categories[index]];
  return `${noun} ${index.toLocaleString("en")}${kind ? `: ${kind}` : ""}${crosses[index] ? `, ${crossed}` : ""}`;
}

/** The shapes and colours with their names; where there are very many, the first of them. */
function writeKey(list, { names, colors, crosses, crossed, css }) {
  const most = 24;
  const entry = (shape, color, name) => h("li", {}, h("span", { class: "xw-map-sign", "data-shape": shape,
    style: `--xw-color: ${color}`, "aria-hidden": "true" }), name);
  const entries = names.slice(0, most).map((name, index) => entry(shapeOf(index), css[index], name));
  if (names.length > most) entries.push(h("li", {}, `and ${names.length - most} more`));
  if (crosses.some(Boolean) && crossed) entries.push(entry("cross", "currentcolor", crossed));
  list.replaceChildren(...entries);
  list.hidden = !entries.length;
}

function mapHands({ model, link, dom, camera, state, painter, desk, select }) {
  const pointers = new Map();
  let mode = "pan";
  let drag = null;
  let looked = -1;
  let resting;

  const choose = (chosen, gathered = false) => {
    if (!state.cloud.count) return;
    select(chosen); // at once; Python then tells every view
    link.send("choose", { epoch: state.epoch, chosen, gathered });
  };
  const place = (event) => {
    const { left, top } = dom.field.getBoundingClientRect();
    return [event.clientX - left - dom.field.clientLeft, event.clientY - top - dom.field.clientTop];
  };
  const meant = (event) => nearestPoint(camera, state.cloud.xy, ...place(event), REACH);

  /** Point at one (-1: at none): a ring, its name beside it, and soon its picture. */
  const look = (index) => {
    if (index === looked) return;
    looked = state.marks.cursor = index;
    painter.marks();
    clearTimeout(resting);
    dom.tip.fill(null);
    if (index < 0) dom.tip.hide();
    else moveTip();
    resting = setTimeout(() => {
      const known = model.get("_pictured") ? desk.want(index) : null;
      if (known) arrived(index);
    }, 60);
    name();
  };
  /** The tip stays beside its point when that moves. */
  const moveTip = () => {
    if (looked >= 0) dom.tip.show(pointName(state.cloud, looked), camera.screen(state.cloud.xy, looked), camera);
  };
  const arrived = (index) => {
    if (index !== looked) return;
    dom.tip.fill(desk.known(index));
    name();
  };
  const name = () => {
    const { cloud, marks } = state;
    const label = model.get("_label");
    const text = cloud.count ? `${label}: ${cloud.count.toLocaleString("en")} ${cloud.noun}s` : `${label}: nothing yet`;
    dom.picture.setAttribute("aria-label", text);
    dom.stage.setAttribute("aria-label", text);
    const { cursor } = marks;
    if (cursor >= cloud.count || cursor < 0) {
      dom.stage.removeAttribute("aria-activedescendant");
      dom.option.setAttribute("aria-label", "no point is pointed at");
      return;
    }
    const words = desk.known(cursor)?.words;
    dom.option.setAttribute("aria-label", pointName(cloud, cursor) + (words ? `, ${words}` : ""));
    dom.option.setAttribute("aria-selected", String(marks.selected.includes(cursor)));
    dom.stage.setAttribute("aria-activedescendant", dom.option.id);
  };
  const moved = () => painter.points();
  const setMode = (to) => {
    mode = to;
    dom.buttons.lasso.setAttribute("aria-pressed", String(to === "lasso"));
    dom.field.classList.toggle("xw-map-lassoing", to === "lasso");
  };

  const down = (event) => {
    if (event.button) return;
    dom.stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    const lasso = mode === "lasso" || event.shiftKey;
    drag = pointers.size > 1 ? { pinch: true } : { start: place(event), lasso, far: false };
    if (lasso && !drag.pinch) state.marks.lasso = [drag.start];
  };
  const move = (event) => {
    if (!drag) { look(meant(event)); return; }
    const [x, y] = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, [x, y]);
    if (drag.pinch) { pinch(event.pointerId, before, [x, y]); return; }
    drag.far ||= Math.hypot(x - drag.start[0], y - drag.start[1]) > DRAG;
    if (!drag.far) return;
    if (drag.lasso) { state.marks.lasso.push([x, y]); painter.marks(); return; }
    dom.field.classList.add("xw-map-panning");
    camera.pan(x - before[0], y - before[1]);
    moved();
  };
  const pinch = (id, before, [x, y]) => {
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const apart = ([a, b]) => Math.hypot(a - other[0], b - other[1]) || 1;
    camera.zoomAt(apart([x, y]) / apart(before), (x + other[0]) / 2, (y + other[1]) / 2);
    camera.pan((x - before[0]) / 2, (y - before[1]) / 2);
    moved();
  };
  const up = (event) => {
    pointers.delete(event.pointerId);
    if (pointers.size || !drag) return;
    const done = drag;
    drag = null;
    dom.field.classList.remove("xw-map-panning");
    const line = state.marks.lasso;
    state.marks.lasso = [];
    painter.marks();
    if (event.type === "pointercancel" || done.pinch) return;
    if (done.far && done.lasso) choose(pointsInside(camera, state.cloud.xy, line), true);
    else if (!done.far) { const index = meant(event); if (index >= 0) { look(index); choose([index]); } }
  };
  const wheel = (event) => {
    // A page that scrolls must not be caught by the map on the way: it zooms once it was clicked, and for a pinch.
    if (!event.ctrlKey && !dom.stage.matches(":focus")) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    camera.zoomAt(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), ...place(event));
    moved();
  };
  const walk = (event) => {
    const { xy, count } = state.cloud;
    if (!count) return;
    const at = looked >= 0 ? looked : state.marks.query;
    const step = STEPS[event.key];
    if (event.shiftKey) { camera.pan(-40 * step[0], 40 * step[1]); moved(); return; }
    look(at < 0 ? nearestPoint(camera, xy, camera.width / 2, camera.height / 2) : nextPoint(xy, at, step));
    bringInSight();
  };
  const bringInSight = () => {
    const [x, y] = camera.screen(state.cloud.xy, looked);
    const beyond = (value, size) => Math.max(0, 20 - value) - Math.max(0, value - size + 20);
    const [right, below] = [beyond(x, camera.width), beyond(y, camera.height)];
    if (right || below) { camera.pan(right, below); moved(); }
  };
  const toggle = (index) => {
    const { selected } = state.marks;
    choose(selected.includes(index) ? selected.filter((other) => other !== index) : [...selected, index], true);
  };
  const zoom = (factor) => { camera.zoomAt(factor); moved(); };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      Enter: () => looked >= 0 && choose([looked]), " ": () => looked >= 0 && toggle(looked),
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: () => { camera.fit(); moved(); },
      Escape: () => (mode === "lasso" ? setMode("pan") : choose([])),
    };
    const act = event.key in STEPS ? () => walk(event) : keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  const wire = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, keydown: pressed,
    pointerleave: () => drag || look(-1), blur: () => drag || look(-1) };
  for (const [event, react] of Object.entries(wire)) link.listen(dom.stage, event, react);
  dom.stage.addEventListener("wheel", wheel, { passive: false, signal: link.signal });
  const presses = { lasso: () => setMode(mode === "lasso" ? "pan" : "lasso"), nearer: () => zoom(1.4),
    away: () => zoom(1 / 1.4), fit: () => { camera.fit(); moved(); } };
  for (const [which, react] of Object.entries(presses)) link.listen(dom.buttons[which], "click", react);
  link.signal.addEventListener("abort", () => clearTimeout(resting));
  return { arrived, name, follow: moveTip, lookAway: () => look(-1) };
}
