// A button for a file, which is also a place to drop one; the kernel looks at the bytes and says what is wrong.

const LARGEST = 32 * 2 ** 20;
const MOST = 8;
const SENT = 4 * 2 ** 20; // bytes of one message: servers close a connection that sends much more
const SIDE = 2048; // px: no network looks at more

/** The file as it is, or where it is too much for one message, the same picture smaller; null for no picture. */
async function small(file) {
  if (file.size <= SENT) return file.arrayBuffer();
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.ceil(bitmap.width * scale), Math.ceil(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })).arrayBuffer();
}

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
    const taken = files.filter((file) => file.size <= LARGEST).slice(0, MOST);
    if (taken.length < files.length) {
      const large = files.find((file) => file.size > LARGEST);
      write(said, large ? `${large.name} has ${Math.round(large.size / 2 ** 20)} MB; give a picture of at most 32 MB.`
        : `${files.length} files were given; give at most ${MOST} at once.`);
    } else write(said, "");
    for (const file of taken) {
      const content = await small(file).catch(() => null);
      if (content) model.send({ type: "files", names: [file.name] }, undefined, [content]);
      else write(said, `${file.name} is no picture that can be read; give a PNG, JPEG, WebP or GIF.`);
    }
    input.value = ""; // the same file may be given again
  }

  const told = (message) => message.type === "say" && write(said, message.text);
  model.on("msg:custom", told);
  return () => model.off("msg:custom", told);
}

export default { render };
