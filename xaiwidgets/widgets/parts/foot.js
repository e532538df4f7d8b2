// Copying and saving happen in the browser; both say what they did.

const SHOWN = 6000; // ms for which a note stays
const PATIENCE = 3000; // ms until an unanswered Export explains itself

/** The sentence with its numbers set off in ink, so that the eye finds them. */
function sentenceNodes(text) {
  const pieces = text.split(/(?<![\w.])([+−-]?\d(?:[\d.,]*\d)?×?)(?!\w)/);
  return pieces.map((piece, place) => (place % 2 ? h("b", {}, piece) : piece));
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // refused, or no clipboard: a page that is not served safely has none
  }
}

function save(name, mime, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: mime }));
  const link = h("a", { href: url, download: name, hidden: "" });
  document.body.append(link); // some browsers ignore a link outside the page
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function render({ model, el }) {
  const view = freshId("foot");
  let timer = 0;
  const sentence = h("p", { class: "xw-sentence" });
  const note = h("span", { class: "xw-note", role: "status" });
  const copyButton = h("button", { type: "button", class: "xw-button", onclick: copy }, "Copy as code");
  const exportButton = h("button", { type: "button", class: "xw-button", onclick: ask }, "Export");
  const area = h("textarea", {
    class: "xw-code", readonly: "", rows: 6, "aria-label": "The code, selected for copying", spellcheck: "false",
  });
  const close = h("button", { type: "button", class: "xw-button", onclick: hide }, "Close");
  const escape = (event) => event.key === "Escape" && hide();
  const fallback = h("div", { class: "xw-copy", hidden: "", onkeydown: escape }, area, close);
  el.classList.add("xw-foot");
  el.append(sentence, note, h("div", { class: "xw-foot-buttons" }, copyButton, exportButton), fallback);

  function say(text, ms = SHOWN) {
    write(note, text);
    clearTimeout(timer);
    timer = setTimeout(() => write(note, ""), ms);
  }

  function hide() {
    fallback.hidden = true;
    copyButton.focus();
  }

  async function copy() {
    const code = model.get("code");
    if (!code) { say("There is no code yet: run it first."); return; }
    if (await copyText(code)) {
      const lines = code.trim().split("\n").length;
      say(`Copied ${lines} ${lines === 1 ? "line" : "lines"} of Python.`);
      return;
    }
    area.value = code;
    fallback.hidden = false;
    area.focus();
    area.select();
    say("The browser refused the clipboard: press Ctrl+C or ⌘C.");
  }

  function ask() {
    model.send({ type: "export", view });
    say("Preparing the files …", 600000);
    clearTimeout(timer);
    timer = setTimeout(() => say("Python is busy; the files come when it is done.", 600000), PATIENCE);
  }

  function receive(message, buffers) {
    if (message.view && message.view !== view) return; // another view asked
    if (message.type === "say") say(message.text);
    if (message.type !== "files") return;
    // One after the other: browsers drop downloads that start in the same moment.
    message.files.forEach(({ name, mime }, place) => setTimeout(() => save(name, mime, buffers[place]), 300 * place));
    say(`Saved ${message.files.map(({ name }) => name).join(" and ")}.`);
  }

  const draw = () => sentence.replaceChildren(...sentenceNodes(model.get("sentence")));
  const stop = follow(model, ["sentence"], draw);
  model.on("msg:custom", receive);
  draw();
  return () => { stop(); clearTimeout(timer); model.off("msg:custom", receive); };
}

export default { render };
