// The browser's half of presence.py: each view has an id, says hello, and says goodbye.

const PING_EVERY = 1500;
const LOST_AFTER = 8000;
const ASK_AGAIN = 500;
const SELDOM = 8000;

/**
 * Tie one view to Python. `describe` gives what is told with each hello.
 * A random id, not crypto.randomUUID: that one is missing on pages served by plain http.
 */
function openLink(model, describe) {
  const id = Math.random().toString(36).slice(2) + Date.now().toString(36);
  const closing = new AbortController();
  let spoke = 0;
  const send = (type, rest = {}) => {
    if (closing.signal.aborted && type !== "bye") return;
    spoke = performance.now();
    // A dead kernel throws here. The heartbeat tells the user; the console need not.
    try { model.send({ type, view: id, ...rest }); } catch { /* told by the heartbeat */ }
  };
  let asking = 0;
  // What is said while a reloaded page and its kernel find each other is lost without a word: say it until answered.
  const insist = (type, tell, wait = ASK_AGAIN) => {
    clearTimeout(asking);
    send(type, tell());
    asking = setTimeout(insist, wait, type, tell, Math.min(2 * wait, SELDOM));
  };
  const hello = () => insist("hello", describe);
  const listen = (target, event, react) => target.addEventListener(event, react, { signal: closing.signal });
  listen(window, "pagehide", () => { clearTimeout(asking); send("bye"); });
  listen(window, "pageshow", (event) => event.persisted && hello());
  listen(document, "visibilitychange", () => send("size", describe()));
  const receive = (react) => {
    const mine = (message, buffers) => (message.to == null || message.to === id) && react(message, buffers);
    model.on("msg:custom", mine);
    closing.signal.addEventListener("abort", () => model.off("msg:custom", mine));
  };
  receive((message) => message.to === id && clearTimeout(asking));
  closing.signal.addEventListener("abort", () => clearTimeout(asking));
  const close = () => { closing.abort(); send("bye"); };
  const quietFor = () => performance.now() - spoke;
  return { id, send, insist, hello, receive, close, listen, signal: closing.signal, quietFor };
}

/** Keep a link alive, and tell when Python has fallen silent (`lost`) and when it is back (`found`). */
function keepAlive(link, { lost, found }) {
  let ticks = 0;
  let silent = false;
  // Silence is counted in ticks of our own clock: after a laptop's sleep, time has passed but nobody was silent.
  const timer = setInterval(() => {
    ticks += 1;
    if (link.quietFor() > PING_EVERY * 0.9) link.send("ping");
    if (ticks * PING_EVERY >= LOST_AFTER && !silent) { silent = true; lost(); }
  }, PING_EVERY);
  link.signal.addEventListener("abort", () => clearInterval(timer));
  link.receive((message) => {
    ticks = 0;
    if (silent) { silent = false; found(); link.hello(); }
    // Timers of hidden pages are throttled to one a minute, messages are not: answering a beat keeps us counted.
    if (message.type === "beat" && link.quietFor() > PING_EVERY) link.send("ping");
  });
}

/** Say on the nearest widget's root that the kernel is gone, and take it back. */
function rootStatus(el) {
  const root = () => el.closest(".xw-root") ?? el;
  return {
    lost() {
      const { dataset } = root();
      if (dataset.status !== "disconnected") dataset.formerStatus = dataset.status ?? "";
      dataset.status = "disconnected";
    },
    found() {
      const { dataset } = root();
      if (dataset.status === "disconnected") dataset.status = dataset.formerStatus;
      delete dataset.formerStatus;
    },
  };
}
