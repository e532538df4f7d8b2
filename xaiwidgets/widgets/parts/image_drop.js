// A button for a file, which is also a place to drop one; the kernel looks at the bytes and says what is wrong.

const LARGEST = 32 * 2 ** 20;
const MOST = 8;

function render({ model, el }) {
  const input = h("input", {
    type: "file", accept: "image/*", multiple: "", hidden: "", tabindex: -1, onchange: () => take([...input.files]),
  });
  const button = h("button", { type: "button", class: "xw-button xw-drop", onclick: () => input.click() },
    "Add or drop an image");
  const said = h("div", { class: "xw-problem", role: "alert" });
  const area = h("div", { class: "xw-drop-area", ondragover: over, ondragleave: leave, ondrop: dropped },
    button, input, said);
  el.append(area);

  function over(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    area.classList.add("xw-drop-over");
  }

  function leave() { area.classList.remove("xw-drop-over"); }

  function dropped(event) {
    event.preventDefault();
    event.stopPropagation(); // a notebook would open the file
    leave();
    take([...event.dataTransfer.files]);
  }

  async function take(files) {
    const small = files.filter((file) => file.size <= LARGEST).slice(0, MOST);
    if (small.length < files.length) {
      const large = files.find((file) => file.size > LARGEST);
      write(said, large ? `${large.name} has ${Math.round(large.size / 2 ** 20)} MB; give a picture of at most 32 MB.`
        : `${files.length} files were given; give at most ${MOST} at once.`);
    } else write(said, "");
    if (small.length) {
      const contents = await Promise.all(small.map((file) => file.arrayBuffer()));
      model.send({ type: "files", names: small.map((file) => file.name) }, undefined, contents);
    }
    input.value = ""; // the same file may be given again
  }

  const told = (message) => message.type === "say" && write(said, message.text);
  model.on("msg:custom", told);
  return () => model.off("msg:custom", told);
}

export default { render };
