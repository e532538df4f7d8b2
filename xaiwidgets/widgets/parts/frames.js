// What every part that shows frames does: draw the newest, acknowledge it, and tell when the kernel is gone.

/** Draw frames one after another; while one is decoded only the newest of those that follow is kept. */
function frameDrawer(picture, link, draw) {
  let next = null;
  let drawing = false;
  let drawn = 0;
  return async (message, data) => {
    next = { message, data };
    if (drawing) return;
    drawing = true;
    while (next) {
      const { message: sprite, data: bytes } = next;
      next = null;
      const started = performance.now();
      try {
        const bitmap = await createImageBitmap(new Blob([bytes], { type: sprite.mime }));
        draw(sprite, bitmap);
        bitmap.close();
        picture.dataset.lossless = sprite.mime === "image/png";
        picture.dataset.frame = drawn += 1;
      } finally {
        link.send("ack", { frame: sprite.frame, ms: performance.now() - started });
      }
    }
    drawing = false;
  };
}

function lostBanner() {
  return h("p", { class: "xw-frames-lost", role: "alert", hidden: "" });
}

/**
 * Tie a stage ({ stage, picture, lost }) to Python: frames go to `draw(sprite, bitmap)`; `width` tells how many device
 * pixels one image has. Returns the link, which says hello one frame later, once the element is on the page.
 */
function openFrames(model, { stage, picture, lost }, width, draw) {
  const state = () => ({ width: width(), visible: !document.hidden });
  const link = openLink(model, state);
  const show = frameDrawer(picture, link, draw);
  link.receive((message, buffers) => message.type === "frame" && show(message, buffers[0]));
  const status = rootStatus(stage);
  keepAlive(link, {
    lost() {
      status.lost();
      lost.textContent = "The kernel does not answer. Restart it and run the notebook again, or reload the page.";
      lost.hidden = false;
    },
    found() {
      status.found();
      lost.hidden = true;
    },
  });
  let told = 0;
  const resize = new ResizeObserver(() => {
    if (width() === told) return;
    told = width();
    link.send("size", state());
  });
  resize.observe(stage);
  link.signal.addEventListener("abort", () => resize.disconnect());
  requestAnimationFrame(link.hello);
  return link;
}
