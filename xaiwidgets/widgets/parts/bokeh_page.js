// BokehJS, once a page and only when a plot is shown: no CDN, no set-up cell.

const LIBRARY_PATIENCE = 20000;
const ASK_AGAIN_FOR_MUCH = 5000; // it is large, and takes its time

/** This version of BokehJS: the page's own if it is there, else from Python, fetched by one view for all. */
async function loadBokeh(link, version) {
  const loading = (window.xaiwidgetsBokeh ??= new Map());
  while (!window.Bokeh?.[version] && !link.signal.aborted) {
    if (!loading.has(version)) {
      loading.set(version, fetchBokeh(link).finally(() => loading.delete(version)));
    }
    // The view that asked may be closed before the answer comes; then another asks again.
    await loading.get(version).catch(() => {});
  }
  return window.Bokeh?.[version];
}

function fetchBokeh(link) {
  return new Promise((resolve, reject) => {
    setTimeout(reject, LIBRARY_PATIENCE);
    link.signal.addEventListener("abort", reject);
    link.receive(async (message, buffers) => {
      if (message.type === "library") runScript(await unpack(buffers[0])).then(resolve, reject);
    });
    link.insist("library", () => ({ visible: !document.hidden }), ASK_AGAIN_FOR_MUCH);
  });
}

const unpack = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

/** Run a text as a script of the page. BokehJS keeps other versions of itself apart. */
async function runScript(text) {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
  script.remove();
}

/** The colours that our style sheet gives this element, for a canvas that cannot inherit them. */
function pageColors(el) {
  const style = getComputedStyle(el);
  return { text: plainColor(style.color), line: plainColor(style.borderTopColor) };
}

/** Red, green and blue of any CSS colour: BokehJS loops for ever on "color(srgb …)", which color-mix() computes to. */
function plainColor(color) {
  const pen = h("canvas", { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = color;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}

/** Give a styled figure the page's colours. What Python set in colour elsewhere stays. */
function paintTheme(figure, { text, line }) {
  if (!figure.tags.includes("xw-theme")) return;
  const paint = (model, names, color) => {
    // A part that has no colour is switched off, and stays so.
    const shown = names.filter((name) => model[name]?.value !== null && model[name] !== null);
    model.setv(Object.fromEntries(shown.map((name) => [name, color])), { sync: false });
  };
  for (const model of figure.references()) {
    if (model.type.endsWith("Axis")) paint(model, ["major_label_text_color", "axis_label_text_color"], text);
    if (model.type === "Grid") {
      paint(model, ["grid_line_color"], line);
      model.setv({ grid_line_alpha: 1 }, { sync: false });
    }
    if (model.type === "Title") paint(model, ["text_color"], text);
  }
}
