// A heading that folds what follows it, in the browser alone: it works while Python is busy.

function render({ model, el }) {
  let open = model.get("unfolded");
  const label = model.get("label");
  const button = h("button", { type: "button", class: "xw-fold-button", onclick: () => { open = !open; draw(); } },
    h("span", { class: "xw-fold-mark", "aria-hidden": "true" }), label);
  let foldable = null;

  function draw() {
    foldable?.classList.toggle("xw-open", open);
    button.setAttribute("aria-expanded", open);
  }

  el.classList.add("xw-fold");
  // Where it folds on narrow screens only, a plain heading stands in its place on wide ones.
  if (model.get("narrow")) {
    el.classList.add("xw-fold-narrow");
    el.append(h("h3", { class: "xw-heading" }, label));
  }
  el.append(button);
  draw();
  let stopNaming = null;
  const attached = whenInRoot(el, (root) => {
    foldable = el.closest(".xw-foldable");
    draw();
    if (model.get("narrow")) stopNaming = nameSliders(root); // the form's own heading, of which a widget has one
  });
  return () => { attached(); stopNaming?.(); };
}

export default { render };
