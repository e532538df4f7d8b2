// Shared by every part: this text stands before each part's own, so that parts need no imports.

/** An element with attributes, listeners (onclick ...) and children; false or null leaves an attribute out. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Write text only where it changed: unchanged nodes are not announced again and cost no layout. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Calls `found(root)` once `el` hangs in the page: a part has no parent while it renders. Returns a way to give up. */
function whenInRoot(el, found) {
  let handle = 0;
  const look = () => {
    const root = el.closest(".xw-root");
    if (root) found(root);
    else handle = requestAnimationFrame(look);
  };
  handle = requestAnimationFrame(look);
  return () => cancelAnimationFrame(handle);
}

let counter = 0;
/** An id that no other element of the page has; labels and descriptions refer to it. */
function freshId(stem) {
  counter += 1;
  return `xw-${stem}-${counter}-${Math.random().toString(36).slice(2, 8)}`;
}

/** Listens to several traits at once; returns a way to stop. */
function follow(model, names, draw) {
  const events = names.map((name) => `change:${name}`);
  events.forEach((event) => model.on(event, draw));
  return () => events.forEach((event) => model.off(event, draw));
}

/** Call back when the page turns dark or light. */
function onThemeChange(signal, react) {
  const watch = new MutationObserver(react);
  watch.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  signal.addEventListener("abort", () => watch.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", react, { signal });
}
