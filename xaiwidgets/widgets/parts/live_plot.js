// LivePlot in the browser: each view has its own copy of the figure's document and applies the patches in order.

const DEBOUNCE = 120;

/** Tell Python about selections and fixed ranges, and about nothing else: all other changes come from Python. */
function tellChanges(bokehDocument, link, epoch) {
  const waiting = new Map();
  const later = (key, tell) => {
    clearTimeout(waiting.get(key));
    waiting.set(key, setTimeout(tell, DEBOUNCE));
  };
  bokehDocument.on_change((event) => {
    // What a patch has changed is marked as not to be synced: sending it back would overwrite newer values.
    if (event.kind !== "ModelChanged" || !event.sync) return;
    const { model, attr } = event;
    if (model.type === "Selection" && attr === "indices") {
      later(model, () => link.send("select", { epoch, model: model.id, indices: [...model.indices] }));
    } else if (model.type === "Range1d" && (attr === "start" || attr === "end")) {
      later(model, () => link.send("range", { epoch, model: model.id, start: model.start, end: model.end }));
    }
  });
}

/** Draw a document into the host. The old one stays until the new one stands, so nothing flickers. */
async function showDocument(Bokeh, host, message, link) {
  const { Document } = Bokeh.require("document");
  const { add_document_standalone: add } = Bokeh.require("embed/standalone");
  const bokehDocument = Document.from_json(JSON.parse(message.document));
  const [figure] = bokehDocument.roots();
  const place = h("div", { class: "xw-plot-place" });
  paintTheme(figure, pageColors(host));
  host.append(place);
  const views = await add(bokehDocument, place);
  tellChanges(bokehDocument, link, message.epoch);
  for (const old of [...host.children]) if (old !== place) old.remove();
  const close = () => {
    views.clear();
    const { documents } = Bokeh.require("document");
    const index = documents.indexOf(bokehDocument);
    if (index >= 0) documents.splice(index, 1);
  };
  return { bokehDocument, figure, epoch: message.epoch, close };
}

/** Apply what Python says, one message after the other: a patch waits until its document stands. */
function plotKeeper(Bokeh, host, link) {
  let shown = null;
  const showWhole = async (message) => {
    const old = shown;
    shown = await showDocument(Bokeh, host, message, link);
    old?.close();
    if (link.signal.aborted) shown.close();
    host.dataset.plot = Number(host.dataset.plot) + 1;
  };
  const applyPatch = (message, buffers) => {
    if (shown?.epoch === message.epoch && message.not !== link.id) {
      const exact = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);
      const named = new Map(message.names.map((name, index) => [name, exact(buffers[index])]));
      shown.bokehDocument.apply_json_patch(JSON.parse(message.content), named);
      host.dataset.plot = Number(host.dataset.plot) + 1;
    }
    link.send("ack", { patch: message.patch });
  };
  let queue = Promise.resolve();
  link.receive((message, buffers) => {
    const act = { whole: showWhole, patch: applyPatch }[message.type];
    // One message that fails must not hold up the rest; the console says why.
    if (act) queue = queue.then(() => act(message, buffers)).catch((error) => console.error(error));
  });
  link.signal.addEventListener("abort", () => shown?.close());
  onThemeChange(link.signal, () => requestAnimationFrame(() => shown && paintTheme(shown.figure, pageColors(host))));
}

function render({ model, el }) {
  const host = h("div", { class: "xw-plot", role: "figure", "aria-label": model.get("_label"), "data-plot": 0 });
  // The figure's height is kept free, so that nothing moves when it comes.
  host.style.minHeight = `${model.get("_height")}px`;
  el.append(host);
  const link = openLink(model, () => ({ visible: !document.hidden }));
  loadBokeh(link, model.get("_version")).then((Bokeh) => {
    if (!Bokeh || link.signal.aborted) return;
    plotKeeper(Bokeh, host, link);
    link.hello();
  });
  return () => link.close();
}

export default { render };
