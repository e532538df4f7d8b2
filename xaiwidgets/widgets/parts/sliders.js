// The sliders of ipywidgets have no accessible name, speak of "index 12", and do not fill; here they get their label,
// their readout, and the share of the track that lies below the handle.

function nameSlider(slider) {
  const label = slider.querySelector("label")?.textContent;
  const readout = slider.querySelector(".widget-readout");
  const handle = slider.querySelector(".noUi-handle");
  if (!handle || !label) return;
  if (handle.getAttribute("aria-label") !== label) handle.setAttribute("aria-label", label);
  const said = readout?.textContent;
  if (said && handle.getAttribute("aria-valuetext") !== said) handle.setAttribute("aria-valuetext", said);
  const [now, low, high] = ["now", "min", "max"].map((name) => Number(handle.getAttribute(`aria-value${name}`)));
  slider.style.setProperty("--xw-share", high > low ? (now - low) / (high - low) : 0);
  // ipywidgets lets a slider of stops be typed into, and then ignores it.
  if (readout?.isContentEditable && slider.closest(".xw-stops")) readout.contentEditable = "false";
  if (readout?.isContentEditable && !readout.hasAttribute("role")) {
    readout.setAttribute("role", "textbox");
    readout.setAttribute("aria-label", `${label}, exact value`);
  }
}

/** Keeps the sliders inside `box` named, also those that are drawn later. Returns a way to stop. */
function nameSliders(box) {
  const all = () => box.querySelectorAll(".widget-slider").forEach(nameSlider);
  const watcher = new MutationObserver(all);
  watcher.observe(box, { childList: true, subtree: true, characterData: true, attributeFilter: ["aria-valuenow"] });
  all();
  return () => watcher.disconnect();
}
