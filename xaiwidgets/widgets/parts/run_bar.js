// The bar answers a press at once and then follows Python. While a cell runs no press reaches Python; after a moment
// the bar says so. The press is not lost: it is done when the cell ends.

const TRAITS = ["name", "title", "subject", "device", "status", "done", "total", "seconds_left", "seconds",
  "expected", "message", "tone", "runnable", "unit"];
const PATIENCE = 2000; // ms until "busy" is shown
const GRACE = 700; // ms between Python's answer and its change of status, which another thread sends

// What a press promises, until Python tells.
const PROMISES = {
  run: { looks: "queued", says: "Starting …" },
  pause: { looks: "paused", says: "Pausing …" },
  resume: { looks: "running", says: "Going on …" },
  stop: { looks: "cancelled", says: "Stopping …" },
};

/** The two buttons of a state: [action, label] of the first, and whether Stop can be pressed. */
function controls(status) {
  if (status === "running" || status === "queued") return [["pause", "Pause"], true];
  if (status === "paused") return [["resume", "Resume"], true];
  return [["run", "Run"], false];
}

function build(press) {
  const parts = {
    title: h("h2", { class: "xw-title" }),
    subject: h("span", { class: "xw-subject" }),
    main: h("button", {
      type: "button", class: "xw-button xw-primary", onclick: () => press(parts.main.dataset.action, parts.main),
    }),
    stop: h("button", { type: "button", class: "xw-button", onclick: () => press("stop", parts.stop) }, "Stop"),
    fill: h("div", { class: "xw-fill" }),
    words: h("span", { class: "xw-words" }),
    device: h("span", { class: "xw-device" }),
    live: h("span", { class: "xw-unseen", "aria-live": "polite" }),
    banner: h("div", { class: "xw-banner", role: "alert" }),
  };
  const range = { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 };
  parts.track = h("div", { class: "xw-track", ...range }, parts.fill);
  parts.bar = h("div", { class: "xw-bar" },
    h("div", { class: "xw-about" }, parts.title, parts.subject),
    h("div", { class: "xw-controls", role: "group", "aria-label": "Computation" }, parts.main, parts.stop),
    parts.track, parts.words, parts.device, parts.live);
  return parts;
}

function drawProgress(parts, state) {
  const share = state.total > 0 ? Math.min(1, Math.max(0, state.done / state.total)) : 0;
  const shown = state.status === "idle" || state.status === "queued" ? 0 : share;
  parts.fill.style.transform = `scaleX(${shown})`;
  parts.track.setAttribute("aria-valuenow", Math.round(100 * shown));
  parts.track.setAttribute("aria-valuetext", words(state));
}

function drawControls(parts, looks, state) {
  const [[action, label], stoppable] = controls(looks);
  const blocked = looks === "disconnected" || (action === "run" && !state.runnable);
  parts.main.dataset.action = action;
  write(parts.main, label);
  // aria-disabled, not disabled: a disabled button would lose the focus in the middle of a run.
  parts.main.setAttribute("aria-disabled", blocked);
  parts.stop.setAttribute("aria-disabled", !stoppable || looks === "disconnected");
}

function drawMessage(parts, state) {
  const mark = state.tone === "note" ? "Note" : "Problem";
  const shown = state.message ? `${mark}: ${state.message}` : "";
  if (parts.banner.dataset.shown === shown) return;
  parts.banner.dataset.shown = shown;
  parts.banner.dataset.tone = state.tone;
  parts.banner.replaceChildren(...(shown ? [h("strong", {}, `${mark}. `), state.message] : []));
}

/** A press that Python has not yet followed: { looks, says }, or null. */
function promises(draw) {
  let current = null;
  let timer = 0;
  const later = (action, ms) => { clearTimeout(timer); timer = setTimeout(action, ms); };
  const end = () => { clearTimeout(timer); current = null; draw(); };
  return {
    get: () => current,
    end,
    make(action) {
      current = { ...PROMISES[action] };
      later(() => { current.says = "Python is busy; it will follow"; draw(); }, PATIENCE);
      draw();
    },
    answered() { if (current) later(end, GRACE); },
    close: () => clearTimeout(timer),
  };
}

function render({ model, el }) {
  let root = null;
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const promise = promises(() => draw());

  function press(action, button) {
    if (button.getAttribute("aria-disabled") === "true") return;
    model.send({ type: action });
    promise.make(action);
  }

  function draw() {
    const state = read();
    if (root?.dataset.status === "disconnected") state.status = "disconnected"; // FrameView's heartbeat says so
    const pending = state.status === "disconnected" ? null : promise.get();
    write(parts.title, state.title);
    root?.setAttribute("aria-label", state.title);
    write(parts.subject, state.subject);
    parts.subject.title = state.subject;
    write(parts.device, state.device);
    parts.device.hidden = !state.device;
    drawControls(parts, pending?.looks ?? state.status, state);
    drawProgress(parts, state);
    drawMessage(parts, state);
    const text = pending?.says ?? words(state);
    write(parts.words, text);
    parts.words.title = text;
    write(parts.live, pending?.says ?? spoken(state));
    parts.bar.dataset.status = state.status;
  }

  function tell() {
    if (root && root.dataset.status !== model.get("status")) root.dataset.status = model.get("status");
  }

  const parts = build(press);
  el.classList.add("xw-run-bar");
  el.append(parts.bar, parts.banner);
  const attached = whenInRoot(el, (found) => {
    root = found;
    root.dataset.xw = model.get("name");
    root.setAttribute("role", "region"); // a landmark: two widgets on a page can be told apart and jumped to
    root.dataset.lmSuppressShortcuts = "true"; // in JupyterLab arrows and Enter belong to the control in focus
    tell();
    watcher.observe(root, { attributes: true, attributeFilter: ["data-status"] });
    draw();
  });
  const watcher = new MutationObserver(() => draw());
  const moved = () => { tell(); promise.end(); };
  const answered = (message) => message.type === "answered" && promise.answered();
  model.on("msg:custom", answered);
  const stops = [follow(model, ["status", "message"], moved), follow(model, TRAITS, draw)];
  draw();
  return () => {
    attached();
    watcher.disconnect();
    promise.close();
    model.off("msg:custom", answered);
    stops.forEach((stop) => stop());
  };
}

export default { render };
