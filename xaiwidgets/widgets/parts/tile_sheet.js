// TileSheet in the browser: very many small pictures on one canvas. One element for each would cost more than they do.

const GAP = 1; // px between tiles

function render({ model, el }) {
  const canvas = h("canvas", { class: "xw-tiles-canvas" });
  const picture = h("div", { class: "xw-tiles-picture", role: "img", "data-frame": 0 }, canvas);
  const option = h("div", { id: freshId("tile"), role: "option", class: "xw-tile-mark", hidden: "" });
  const list = h("div", {
    class: "xw-tiles-list", role: "listbox", tabindex: 0, "data-lm-suppress-shortcuts": "true",
    onkeydown: pressed, onclick: (event) => choose(at(event)), onpointermove: (event) => hover(at(event)),
    onpointerleave: () => hover(-1),
  }, option);
  const tip = h("div", { class: "xw-tile-tip", "aria-hidden": "true", hidden: "" });
  const lost = lostBanner();
  const stage = h("div", { class: "xw-tiles" }, picture, list, tip, lost);
  el.append(stage);
  let geometry = { columns: 1, side: 16, height: 16, gap: GAP };
  let kept = null; // the newest bitmap as a canvas, to lay out anew when the width changes
  let hovering;

  const count = () => model.get("_grid").count ?? 0;
  const labels = () => model.get("_grid").labels;
  const labelOf = (index) => labels()?.[index] ?? `unit ${index}`;

  /** As large as they can be so that all of them fit into the height that the sheet may take; ``across`` are one picture. */
  function layOut() {
    const { aspect = 1, tallest = 420, across = 0 } = model.get("_grid");
    const width = stage.clientWidth || 600;
    let columns = 1;
    const rows = () => Math.ceil(Math.max(1, count()) / columns);
    const side = () => Math.floor((width + GAP) / columns) - GAP;
    const fit = () => Math.floor(Math.min(width / across, (tallest / rows()) * aspect));
    if (across) columns = across;
    else while (columns < 64 && (side() > 96 || rows() * (side() / aspect + GAP) > tallest) && side() > 18) columns += 1;
    const each = across ? Math.max(1, fit()) : side();
    geometry = { columns, side: each, height: Math.max(1, Math.round(each / aspect)), gap: across ? 0 : GAP };
    canvas.style.height = `${rows() * (geometry.height + geometry.gap)}px`;
    paint();
    mark();
  }

  function paint() {
    const scale = devicePixelRatio;
    const { columns, side, height, gap } = geometry;
    const rows = Math.ceil(Math.max(1, count()) / columns);
    Object.assign(canvas, { width: Math.round((side + gap) * columns * scale), height: rows * (height + gap) * scale });
    canvas.style.width = `${canvas.width / scale}px`;
    if (!kept) return;
    const { sprite, image } = kept;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = side * scale < 2 * sprite.width; // few pixels shown large are data: keep their edges
    for (let index = 0; index < Math.min(sprite.count, count()); index += 1) {
      const x = (index % sprite.columns) * sprite.pitch[1];
      const y = Math.floor(index / sprite.columns) * sprite.pitch[0];
      const [left, top] = place(index).map((value) => value * scale);
      context.drawImage(image, x, y, sprite.width, sprite.height, left, top, side * scale, height * scale);
    }
  }

  function place(index) {
    const { columns, side, height, gap } = geometry;
    return [(index % columns) * (side + gap), Math.floor(index / columns) * (height + gap)];
  }

  function at(event) {
    const { left, top } = list.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / (geometry.side + geometry.gap));
    const row = Math.floor((event.clientY - top) / (geometry.height + geometry.gap));
    const index = row * geometry.columns + column;
    return column >= 0 && column < geometry.columns && row >= 0 && index < count() ? index : -1;
  }

  function tell(name, value) {
    if (model.get(name) === value) return;
    model.set(name, value);
    model.save_changes();
  }

  function choose(index) {
    if (index >= 0) tell("selected", index);
  }

  function hover(index) {
    tip.hidden = index < 0;
    if (index >= 0) {
      const [left, top] = place(index);
      write(tip, labelOf(index));
      const room = Math.max(0, stage.clientWidth - tip.offsetWidth); // beyond it the words would be cut off
      Object.assign(tip.style, { left: `${Math.min(left, room)}px`, top: `${top + geometry.height + 4}px` });
    }
    clearTimeout(hovering);
    hovering = setTimeout(() => tell("hovered", index), 80);
  }

  function pressed(event) {
    const now = Math.max(0, model.get("selected"));
    const row = geometry.columns;
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + row, ArrowUp: now - row, Home: 0,
      End: count() - 1 }[event.key];
    if (to === undefined || !count()) return;
    event.preventDefault();
    event.stopPropagation();
    choose(model.get("selected") < 0 ? 0 : Math.min(Math.max(to, 0), count() - 1));
  }

  function mark() {
    const index = model.get("selected");
    option.hidden = index < 0;
    if (index < 0) { list.removeAttribute("aria-activedescendant"); return; }
    const [left, top] = place(index);
    Object.assign(option.style, {
      left: `${left}px`, top: `${top}px`, width: `${geometry.side}px`, height: `${geometry.height}px`,
    });
    option.setAttribute("aria-label", labelOf(index));
    option.setAttribute("aria-selected", "true");
    option.setAttribute("aria-setsize", count());
    option.setAttribute("aria-posinset", index + 1);
    list.setAttribute("aria-activedescendant", option.id);
  }

  function relabel() {
    const { alt = "" } = model.get("_grid");
    picture.setAttribute("aria-label", alt || "no pictures yet");
    list.setAttribute("aria-label", alt || "units");
    if (kept && kept.name !== alt) kept = null; // another layer's pictures must not stand under this name
    layOut();
  }

  const width = () => Math.round(geometry.side * devicePixelRatio);
  const link = openFrames(model, { stage, picture, lost }, width, (sprite, bitmap) => {
    const image = new OffscreenCanvas(bitmap.width, bitmap.height);
    image.getContext("2d").drawImage(bitmap, 0, 0);
    kept = { sprite, image, name: model.get("_grid").alt ?? "" };
    paint();
  });
  const resize = new ResizeObserver(layOut);
  resize.observe(el);
  const stops = [follow(model, ["_grid"], relabel), follow(model, ["selected"], mark)];
  relabel();
  return () => { resize.disconnect(); clearTimeout(hovering); stops.forEach((stop) => stop()); link.close(); };
}

export default { render };
