// FrameView in the browser: a picture of canvases, cut from one sprite, below a layer of buttons.
// An element with role=img hides its children from assistive technology, so the buttons lie over it, not in it.

const NOTHING = "no pictures yet";

/** The elements of one view; `cells` grows and shrinks with the grid. */
function buildStage(el) {
  const picture = h("div", { class: "xw-frames-picture", role: "img", "aria-label": NOTHING, "data-frame": 0 });
  const buttons = h("div", { class: "xw-frames-buttons", role: "group", "aria-label": "choose a picture" });
  const lost = lostBanner();
  // JupyterLab takes the arrow keys for its cells, unless told otherwise.
  const stage = h("div", { class: "xw-frames", "data-lm-suppress-shortcuts": "true" }, picture, buttons, lost);
  el.append(stage);
  return { stage, picture, buttons, lost, cells: [] };
}

function buildCell() {
  const canvas = h("canvas", { class: "xw-frame-canvas" });
  const label = h("span", { class: "xw-frame-label" });
  const note = h("span", { class: "xw-frame-note", id: freshId("note") });
  const frame = h("div", { class: "xw-frame" }, canvas, h("div", { class: "xw-frame-caption" }, label, note));
  const button = h("button", { class: "xw-frame-button", type: "button", "aria-describedby": note.id });
  return { frame, canvas, label, note, button };
}

/** Give the stage the grid's cells, keeping the pictures of those whose name stays. */
function layOut(stage, grid, wire) {
  const wanted = grid.cells ?? [];
  while (stage.cells.length > wanted.length) {
    const { frame, button } = stage.cells.pop();
    frame.remove();
    button.remove();
  }
  while (stage.cells.length < wanted.length) {
    const cell = buildCell();
    stage.picture.append(cell.frame);
    stage.buttons.append(cell.button);
    wire(cell, stage.cells.push(cell) - 1);
  }
  wanted.forEach((facts, index) => describe(stage.cells[index], facts));
  layHeadings(stage, grid.headings ?? {});
  stage.stage.style.setProperty("--xw-columns", Math.max(1, Math.min(grid.columns ?? 1, wanted.length)));
  stage.stage.style.setProperty("--xw-aspect", grid.aspect ?? 1);
  stage.picture.setAttribute("aria-label", wanted.map(({ alt }) => alt).join("; ") || NOTHING);
}

/** Lines of words between the cells; the layer of buttons keeps the same room free. */
function layHeadings(stage, headings) {
  stage.stage.querySelectorAll(".xw-frames-heading").forEach((line) => line.remove());
  for (const [index, text] of Object.entries(headings)) {
    const { frame, button } = stage.cells[index] ?? {};
    for (const cell of [frame, button]) cell?.before(h("div", { class: "xw-frames-heading" }, text));
  }
}

function describe(cell, { label, alt, note, color }) {
  // Another thing's picture must not stand above this name, not even for a moment.
  const name = alt.includes(label) ? alt : `${label}: ${alt}`;
  if (cell.button.getAttribute("aria-label") !== name) cell.canvas.width = cell.canvas.height = 0;
  cell.label.textContent = label;
  cell.note.textContent = note;
  cell.frame.style.setProperty("--xw-color", color);
  cell.button.setAttribute("aria-label", name);
}

/** Cut the sprite into the cells' canvases. */
function drawSprite(cells, sprite, bitmap) {
  const { columns, height, width, pitch, count } = sprite;
  cells.slice(0, count).forEach(({ canvas }, index) => {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const x = (index % columns) * pitch[1];
    const y = Math.floor(index / columns) * pitch[0];
    canvas.getContext("2d").drawImage(bitmap, x, y, width, height, 0, 0, width, height);
    // Few pixels shown large are data: keep their edges. Otherwise let the browser smooth.
    canvas.classList.toggle("xw-crisp", canvas.clientWidth * devicePixelRatio >= 2 * width);
  });
}

/** Selection and hovering; the arrow keys walk over the cells, which are one stop of the tab key. */
function wireCells(model, stage, link) {
  let hovering;
  const tell = (name, value) => {
    if (model.get(name) === value) return;
    model.set(name, value);
    model.save_changes();
  };
  const hover = (index) => {
    clearTimeout(hovering);
    hovering = setTimeout(() => tell("hovered", index), 80);
  };
  const mark = () => {
    const selected = model.get("selected");
    const marked = model.get("_marked") ?? [];
    stage.cells.forEach(({ frame, button }, index) => {
      const chosen = index === selected || marked.includes(index);
      frame.classList.toggle("xw-selected", chosen);
      button.setAttribute("aria-pressed", String(chosen));
      button.tabIndex = index === Math.max(0, selected) ? 0 : -1;
    });
  };
  const walk = (event, index) => {
    const columns = getComputedStyle(stage.buttons).gridTemplateColumns.split(" ").length;
    const last = stage.cells.length - 1;
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + columns, ArrowUp: index - columns,
      Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    stage.cells[Math.min(Math.max(to, 0), last)].button.focus();
  };
  const wire = ({ button }, index) => {
    button.addEventListener("click", () => tell("selected", model.get("selected") === index ? -1 : index));
    button.addEventListener("keydown", (event) => walk(event, index));
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => hover(index));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => hover(-1));
  };
  link.signal.addEventListener("abort", () => clearTimeout(hovering));
  return { wire, mark };
}

function render({ model, el }) {
  const stage = buildStage(el);
  const width = () => Math.round((stage.cells[0]?.canvas.clientWidth ?? 0) * devicePixelRatio);
  const link = openFrames(model, stage, width, (sprite, bitmap) => {
    drawSprite(stage.cells, sprite, bitmap);
    if (sprite.width) stage.stage.style.setProperty("--xw-aspect", sprite.width / sprite.height);
  });
  const { wire, mark } = wireCells(model, stage, link);
  const lay = () => { layOut(stage, model.get("_grid"), wire); mark(); };
  const unfollow = [follow(model, ["_grid"], lay), follow(model, ["selected", "_marked"], mark)];
  link.receive((message) => (message.notes ?? []).forEach((note, index) => {
    if (stage.cells[index]) write(stage.cells[index].note, note);
  }));
  lay();
  return () => { unfollow.forEach((stop) => stop()); link.close(); };
}

export default { render };
