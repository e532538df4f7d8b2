// The network as a tree (ARIA's pattern: one tab stop, arrows move, left and right fold, Enter or Space chooses).

/** Where the parent of each layer stands in the list, -1 for none; a parent is the last one of lesser depth. */
function parentsOf(layers) {
  const path = [];
  return layers.map((layer, place) => {
    while (path.length && layers[path.at(-1)].depth >= layer.depth) path.pop();
    const parent = path.at(-1) ?? -1;
    path.push(place);
    return parent;
  });
}

function describe(layer) {
  const parameters = layer.parameters ? ` · ${layer.parameters.toLocaleString("en-US")} parameters` : "";
  return `${layer.name} · ${layer.type ?? ""}${parameters}`;
}

function layerTree(model) {
  const opened = new Set(); // names of unfolded branches; each view folds for itself
  let layers = [];
  let parents = [];
  let rows = [];
  let focused = 0;
  const does = { onkeydown: pressed, onclick: clicked };
  const tree = h("div", { class: "xw-tree", role: "tree", "aria-label": "Layers", ...does });

  const isBranch = (place) => parents.includes(place);
  const isShown = (place) => parents[place] < 0 || (opened.has(layers[parents[place]].name) && isShown(parents[place]));
  const shown = () => rows.map((_, place) => place).filter(isShown);

  function rebuild() {
    layers = model.get("layers");
    parents = parentsOf(layers);
    rows = layers.map((layer, place) => h("div", {
      class: "xw-layer", role: "treeitem", "aria-level": layer.depth + 1, title: describe(layer),
      "aria-disabled": !layer.shape && !isBranch(place) && "true", // its output has no units that can be read
      "data-place": place, "data-name": layer.name, style: `--xw-depth: ${layer.depth}`,
    },
    h("span", { class: "xw-fold-mark", "aria-hidden": "true" }),
    h("span", { class: "xw-layer-label" }, layer.label),
    h("span", { class: "xw-layer-shape" }, layer.shape ?? "")));
    tree.replaceChildren(...rows);
    reveal();
  }

  /** Unfold what hides the chosen layer and bring it into sight, without scrolling the page. */
  function reveal() {
    const place = layers.findIndex((layer) => layer.name === model.get("selected"));
    for (let parent = parents[place] ?? -1; parent >= 0; parent = parents[parent]) opened.add(layers[parent].name);
    focused = Math.max(0, place);
    draw();
    if (place >= 0) requestAnimationFrame(() => scrollTo(rows[place]));
  }

  function scrollTo(row) {
    const above = row.offsetTop - tree.offsetTop;
    if (above < tree.scrollTop || above + row.offsetHeight > tree.scrollTop + tree.clientHeight) {
      tree.scrollTop = above - tree.clientHeight / 2;
    }
  }

  function draw() {
    const selected = model.get("selected");
    rows.forEach((row, place) => {
      row.hidden = !isShown(place);
      row.tabIndex = place === focused ? 0 : -1;
      row.setAttribute("aria-selected", layers[place].name === selected);
      if (isBranch(place)) row.setAttribute("aria-expanded", opened.has(layers[place].name));
    });
  }

  function fold(place, open) {
    opened[open ? "add" : "delete"](layers[place].name);
    draw();
  }

  function choose(place) {
    if (!layers[place].shape) return fold(place, !opened.has(layers[place].name));
    model.set("selected", layers[place].name);
    model.save_changes();
    return undefined;
  }

  function focus(place) {
    focused = place;
    draw();
    rows[place].focus({ preventScroll: true });
    scrollTo(rows[place]);
  }

  function clicked(event) {
    const row = event.target.closest(".xw-layer");
    if (!row) return;
    const place = Number(row.dataset.place);
    focus(place);
    const onMark = event.target.closest(".xw-fold-mark") && isBranch(place);
    if (onMark) fold(place, !opened.has(layers[place].name));
    else choose(place);
  }

  const keys = {
    ArrowDown: (order, at) => focus(order[Math.min(at + 1, order.length - 1)]),
    ArrowUp: (order, at) => focus(order[Math.max(at - 1, 0)]),
    Home: (order) => focus(order[0]),
    End: (order) => focus(order.at(-1)),
    ArrowRight: (order, at) => {
      if (!isBranch(focused)) return;
      if (opened.has(layers[focused].name)) focus(order[at + 1]);
      else fold(focused, true);
    },
    ArrowLeft: () => {
      if (isBranch(focused) && opened.has(layers[focused].name)) fold(focused, false);
      else if (parents[focused] >= 0) focus(parents[focused]);
    },
    Enter: () => choose(focused),
    " ": () => choose(focused),
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key] || !rows.length) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook moves its cells with the same keys
    const order = shown();
    keys[event.key](order, order.indexOf(focused));
  }

  rebuild();
  const stops = [follow(model, ["layers"], rebuild), follow(model, ["selected"], reveal)];
  return { element: tree, stop: () => stops.forEach((stop) => stop()) };
}

function render({ model, el }) {
  const tree = layerTree(model);
  const picker = unitPicker(model);
  el.classList.add("xw-layer-tree");
  picker.element.hidden = !model.get("picks_units");
  el.append(tree.element, picker.element);
  return () => { tree.stop(); picker.stop(); };
}

export default { render };
