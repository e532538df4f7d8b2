// Thumbnails of finished runs. The names of the buttons say "result", never "run": that word belongs to the bar.

function picture(entry, urls) {
  const type = entry.picture.getUint8(0) === 0x89 ? "image/png" : "image/jpeg";
  const url = URL.createObjectURL(new Blob([entry.picture], { type }));
  urls.push(url);
  return h("img", { class: "xw-thumb", src: url, alt: "" }); // the button around it is named
}

function render({ model, el }) {
  let urls = [];
  const list = h("ul", { class: "xw-results" });
  const empty = h("p", { class: "xw-hint" }, "Finished results appear here, to compare and to bring back.");
  el.classList.add("xw-history");
  el.append(list, empty);

  function put(trait, value) {
    model.set(trait, value);
    model.save_changes();
  }

  function item(entry) {
    const name = `${entry.label}${entry.note ? `, ${entry.note}` : ""}`;
    const id = freshId("result");
    const show = h("button", {
      type: "button", class: "xw-thumb-button", title: name, "aria-label": `Show result ${entry.id + 1}`,
      "aria-describedby": id, onclick: () => put("chosen", entry.id),
    }, picture(entry, urls));
    const beside = h("button", {
      type: "button", class: "xw-chip xw-beside", "aria-label": `compare with result ${entry.id + 1}`,
      onclick: () => put("compared", model.get("compared") === entry.id ? -1 : entry.id),
    }, "compare");
    const words = h("span", { class: "xw-result-words", id },
      h("span", { class: "xw-result-label" }, entry.label), h("span", { class: "xw-result-note" }, entry.note));
    return h("li", { class: "xw-result", "data-id": entry.id }, show, words, beside);
  }

  function rebuild() {
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = [];
    const entries = model.get("entries");
    list.replaceChildren(...entries.map(item));
    list.hidden = !entries.length;
    empty.hidden = Boolean(entries.length);
    mark();
  }

  function mark() {
    for (const row of list.children) {
      const id = Number(row.dataset.id);
      const [show, , beside] = row.children;
      show.setAttribute("aria-pressed", id === model.get("chosen"));
      beside.setAttribute("aria-pressed", id === model.get("compared"));
      beside.disabled = id === model.get("chosen"); // a result beside itself says nothing
      beside.hidden = !model.get("comparable");
    }
  }

  rebuild();
  const stops = [follow(model, ["entries"], rebuild), follow(model, ["chosen", "compared"], mark)];
  return () => {
    stops.forEach((stop) => stop());
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
