// Units as removable chips, "+ add" by number or name, and "random 6".

const MOST_UNITS = 64;
const DRAWN = 6;

/** Units that `text` names, or a sentence that says what is wrong: { units } or { problem }. */
function parseUnits(text, count, names) {
  const range = `0 to ${count - 1}`;
  const numbers = /^[\d\s,;]+$/.test(text) ? text.match(/\d+/g) : (/^\d+(?=\s)/.exec(text) ?? null);
  if (numbers) {
    const units = numbers.map(Number);
    const outside = units.find((unit) => unit >= count);
    return outside === undefined ? { units } : { problem: `There is no unit ${outside}; give ${range}.` };
  }
  const wanted = text.toLowerCase();
  const tests = [(name) => name === wanted, (name) => name.startsWith(wanted), (name) => name.includes(wanted)];
  const lower = names.map((name) => name.toLowerCase());
  for (const test of tests) {
    const found = lower.flatMap((name, unit) => (test(name) ? [unit] : []));
    if (found.length === 1) return { units: found };
    if (found.length) {
      const some = found.slice(0, 4).map((unit) => names[unit]).join(", ");
      return { problem: `“${text}” may be ${some}${found.length > 4 ? ", …" : ""}; give more of the name.` };
    }
  }
  return { problem: names.length ? `No unit is named “${text}”.` : `Give a number, ${range}.` };
}

/** `number` different units, in order. */
function drawUnits(number, count) {
  const drawn = new Set();
  while (drawn.size < Math.min(number, count)) drawn.add(Math.floor(Math.random() * count));
  return [...drawn].sort((a, b) => a - b);
}

function unitPicker(model) {
  const id = freshId("units");
  const names = () => model.get("unit_names");
  const nameOf = (unit) => (names()[unit] ?? "").split(",")[0];
  const chips = h("span", { class: "xw-chips" });
  const problem = h("div", { id: `${id}-problem`, class: "xw-problem", role: "alert" });
  const options = h("datalist", { id: `${id}-names` });
  const input = h("input", {
    class: "xw-chip xw-add-input", type: "text", hidden: "", "aria-label": "Unit to add, by number or name",
    "aria-describedby": `${id}-problem`, list: `${id}-names`, autocomplete: "off", spellcheck: "false",
    onkeydown: typed, onblur: left,
  });
  const add = h("button", { type: "button", class: "xw-chip", "aria-label": "Add a unit", onclick: open }, "+ add");
  const redraw = () => put(drawUnits(DRAWN, model.get("count")));
  const random = h("button", { type: "button", class: "xw-chip", onclick: redraw }, `random ${DRAWN}`);
  const element = h("div", { class: "xw-units", role: "group", "aria-label": "Units" },
    h("h3", { class: "xw-heading" }, "Units"),
    h("div", { class: "xw-chip-row" }, chips, add, input, random), options, problem);

  function put(units) {
    write(problem, units.length > MOST_UNITS ? `At most ${MOST_UNITS} units can be shown.` : "");
    model.set("units", units.slice(0, MOST_UNITS));
    model.save_changes();
  }

  function open() {
    // Filled only now: a thousand class names need not stand in every page.
    options.replaceChildren(...names().map((name, unit) => h("option", { value: `${unit} ${name.split(",")[0]}` })));
    input.placeholder = names().length ? "number or name" : `0 to ${model.get("count") - 1}`;
    input.hidden = false;
    add.hidden = true;
    input.focus();
  }

  function close() {
    input.value = "";
    input.hidden = true;
    add.hidden = false;
    input.removeAttribute("aria-invalid");
    write(problem, "");
  }

  function left() {
    if (!input.value) close();
  }

  function typed(event) {
    event.stopPropagation(); // a notebook has shortcuts of its own
    if (event.key === "Escape") { close(); add.focus(); }
    if (event.key !== "Enter" || !input.value.trim()) return;
    const { units, problem: wrong } = parseUnits(input.value.trim(), model.get("count"), names());
    input.setAttribute("aria-invalid", Boolean(wrong));
    if (wrong) { write(problem, wrong); return; }
    input.value = "";
    put([...model.get("units"), ...units]);
  }

  function remove(place) {
    put(model.get("units").filter((_, other) => other !== place));
    (chips.children[Math.min(place, chips.children.length - 1)] ?? add).focus(); // where the eye already is
  }

  function chip(unit, place) {
    const name = nameOf(unit);
    const says = `Remove unit ${unit}${name ? `, ${name}` : ""}`;
    return h("button", {
      type: "button", class: "xw-chip xw-unit", title: says, "aria-label": says, onclick: () => remove(place),
      onkeydown: (event) => (event.key === "Delete" || event.key === "Backspace") && remove(place),
    },
    h("span", { class: "xw-unit-name" }, name ? `${unit} ${name}` : `${unit}`),
    h("span", { class: "xw-cross", "aria-hidden": "true" }, "×"));
  }

  function draw() {
    chips.replaceChildren(...model.get("units").map(chip));
    const none = model.get("count") === 0;
    add.disabled = none;
    random.disabled = none;
  }

  draw();
  return { element, stop: follow(model, ["units", "count", "unit_names"], draw) };
}
