// What lies over the points: the query's ring, its neighbours, the trail, the cursor and the lasso.

/** Draw the marks; each has a rim in the colour of the ground, so that it stands out on points of any colour. */
function paintMarks(canvas, ratio, camera, xy, { ink, ground, accent }, marks) {
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, camera.width, camera.height);
  pen.lineJoin = pen.lineCap = "round";
  const count = xy.length / 2;
  const at = (index) => camera.screen(xy, index);
  const known = (indices) => indices.filter((index) => index >= 0 && index < count);
  const strokes = (draw, color, width) => {
    for (const [style, line] of [[ground, width + 2], [color, width]]) {
      Object.assign(pen, { strokeStyle: style, lineWidth: line });
      pen.beginPath();
      draw();
      pen.stroke();
    }
  };
  const ring = (index, radius, color, width) => {
    const [x, y] = at(index);
    strokes(() => pen.arc(x, y, radius, 0, 7), color, width);
  };
  const trail = known(marks.trail);
  if (trail.length > 1) strokes(() => trail.forEach((index) => pen.lineTo(...at(index))), ink, 1.5);
  trail.forEach((index) => {
    const [x, y] = at(index);
    pen.fillStyle = ink;
    pen.beginPath();
    pen.arc(x, y, 3, 0, 7);
    pen.fill();
  });
  known(marks.neighbours).forEach((index) => ring(index, 6, ink, 1.5));
  if (marks.selected.length <= 100) known(marks.selected).forEach((index) => ring(index, 7, accent, 2));
  known([marks.query]).forEach((index) => { ring(index, 8, ink, 2); ring(index, 12, ink, 2); });
  known([marks.cursor]).forEach((index) => ring(index, 9, accent, 2.5));
  if (marks.lasso.length > 1) {
    pen.setLineDash([5, 4]);
    strokes(() => marks.lasso.forEach((place) => pen.lineTo(...place)), accent, 1.5);
    pen.setLineDash([]);
  }
}

/** What stands beside a point: its name, and once it has come its picture with words of Python's. */
function makeTip() {
  const canvas = h("canvas", { class: "xw-map-tip-picture", hidden: "" });
  const name = h("span", { class: "xw-map-tip-name" });
  const words = h("span", { class: "xw-map-tip-words" });
  const el = h("div", { class: "xw-map-tip", "aria-hidden": "true", hidden: "" }, canvas, name, words);
  const hide = () => { el.hidden = true; };
  /** Show it at a point, on the side where there is more room. */
  const show = (text, [x, y], { width, height }) => {
    el.hidden = false;
    write(name, text);
    const sideways = x > width / 2 ? "translateX(calc(-100% - 14px))" : "translateX(14px)";
    const upward = y > height / 2 ? "translateY(-100%)" : "";
    Object.assign(el.style, { left: `${x}px`, top: `${y}px`, transform: `${sideways} ${upward}` });
  };
  const fill = (picture) => {
    canvas.hidden = !picture?.bitmap;
    write(words, picture?.words ?? "");
    if (canvas.hidden) return;
    const { bitmap } = picture;
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    canvas.classList.toggle("xw-crisp", bitmap.width <= 64); // few pixels shown large are data: keep their edges
  };
  return { el, show, hide, fill };
}

/** Asks Python for pictures: one at a time, the newest wish wins, and those that came are kept. */
function pictureDesk(link, epoch, arrived) {
  const known = new Map();
  let asked = -1;
  let wanted = -1;
  let patience;
  const ask = () => {
    clearTimeout(patience);
    asked = known.has(wanted) ? -1 : wanted;
    if (asked < 0) return;
    link.send("hover", { index: asked, epoch: epoch() });
    patience = setTimeout(ask, 3000); // while a cell runs nobody answers
  };
  link.receive(async (message, buffers) => {
    if (message.type !== "picture" || message.epoch !== epoch()) return;
    const { index, words, mime } = message;
    const bitmap = buffers.length ? await createImageBitmap(new Blob([buffers[0]], { type: mime })) : null;
    if (known.size > 300) known.delete(known.keys().next().value);
    known.set(index, { bitmap, words });
    if (index === wanted) arrived(index);
    if (index === asked) ask();
  });
  link.signal.addEventListener("abort", () => clearTimeout(patience));
  return {
    /** Say which point is looked at (-1: none) and get its picture, if it is there. */
    want(index) {
      wanted = index;
      if (index < 0) link.send("hover", { index, epoch: epoch() });
      else if (asked < 0) ask();
      return known.get(index);
    },
    known: (index) => known.get(index),
    clear: () => { known.clear(); asked = -1; clearTimeout(patience); },
  };
}
