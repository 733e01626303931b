// Sweep: one knob as curves with bands, or two as a heat map; both fill while they run, and each cell opens its Lab.

class SweepTool {
  constructor(host) {
    this.host = host;
    const row = (...parts) => make("div", { className: "ftte-row" }, ...parts);
    const counts = [3, 5, 6, 7, 8, 9].map((n) => [n, `${n} values`]);
    this.knob = [0, 1].map((k) => choiceOf(k ? "second knob" : "knob to sweep", [], undefined, () => this.changed()));
    this.count = [0, 1].map((k) => choiceOf(k ? "values of the second knob" : "values of the knob", counts, "5", () => this.changed()));
    this.ends = [0, 1].map(() => ["from", "to"].map((name) => numberBox(name, null, 0, 1e9)));
    for (const box of this.ends.flat()) box.addEventListener("change", () => this.changed());
    this.range = [0, 1].map((k) => make("span", { className: "ftte-sweep-range" }, "from ", this.ends[k][0], " to ", this.ends[k][1]));
    this.seeds = choiceOf("number of seeds", [1, 2, 3, 4, 5].map((n) => [n, n === 1 ? "1 seed" : `${n} seeds`]), "3", () => this.changed());
    this.target = numberBox("target accuracy in percent", 90, 1, 100);
    this.target.addEventListener("change", () => host.send({ do: "target", target: Number(this.target.value) }));
    this.methods = make("span", { className: "ftte-chips" });
    this.go = pressButton("Sweep", "Run what has not run yet", () => this.ask("sweep"));
    this.go.classList.add("ftte-find-go");
    this.cancel = pressButton("Cancel", "End the sweep at once; what has run stays", () => host.send({ do: "cancel" }));
    this.bar = make("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "progress of the sweep");
    this.note = make("span", { className: "ftte-note", role: "status" });
    this.figure = choiceOf("figure", [], undefined, () => this.draw());
    this.method = choiceOf("method of the heat map", [], undefined, () => this.draw());
    this.save = pressButton("Save CSV", "The figures of all cells as a table", () => this.csv());
    this.picture = pressButton("Save SVG", "The picture as a file, as it is on the page", () => this.svg());
    this.slide = pressButton("Save PNG", "The picture as a file for slides, on white",
      () => host.send({ do: "png", figure: this.figure.value, method: this.method.value }));
    this.heading = make("p", { className: "ftte-sweep-heading" });
    this.box = make("div", { className: "ftte-sweep-plot" });
    this.shown = row("Show ", this.figure, this.method, this.save, this.picture, this.slide);
    this.shown.hidden = this.cancel.hidden = true;
    this.root = make("div", { className: "ftte-sweep" },
      row("Sweep ", this.knob[0], this.range[0], this.count[0], " and ", this.knob[1], this.range[1], this.count[1]),
      row(this.methods, this.seeds, make("label", {}, "target ", this.target, " %"), this.go, this.cancel, this.bar, this.note),
      this.shown, this.heading, this.box);
    this.size = new ResizeObserver(() => this.draw());
    this.size.observe(this.box);
    this.attach();
  }

  // A click on the name of a knob opens its sweep.
  attach() {
    const named = this.host.knobs();
    if (!named.length) { this.later = setTimeout(() => this.attach(), 400); return; }
    this.lab = named[0].node.closest(".ftte-lab");
    this.pressed = (event) => {
      if (!event.target.closest("label, .widget-label")) return;
      const knob = this.host.knobs().find(({ node }) => node.contains(event.target));
      if (!knob || ![...this.knob[0].options].some((o) => o.value === knob.name)) return;
      this.knob[0].value = knob.name;
      this.host.open();
      this.changed();
      this.go.focus();
    };
    this.lab.addEventListener("click", this.pressed);
  }

  opened() { if (this.host.isOpen && !this.newest && this.knobs) this.changed(); }

  receive(message) {
    if (message.part === "form") this.form(message);
    if (message.part === "state") this.state(message);
  }

  form({ knobs, methods, here }) {
    const shown = this.host.knobs();
    const first = knobs.filter((k) => shown.some((s) => s.name === k.name));
    this.knobs = [...first, ...knobs.filter((k) => !first.includes(k))];
    const options = this.knobs.map((k) => [k.name, k.label]);
    renewOptions(this.knob[0], options, "budget_kib");
    renewOptions(this.knob[1], [["", "no second knob"], ...options], "");
    this.here = here;
    const before = this.chosen();
    const known = methods.map(([name]) => name);
    const ticked = before.filter((name) => known.includes(name));
    this.methods.replaceChildren(...methods.map(([name, text]) => {
      const box = make("input", { type: "checkbox", checked: ticked.length ? ticked.includes(name) : true, onchange: () => this.changed() });
      box.dataset.method = name;
      return make("label", { className: "ftte-chip" }, box, text);
    }));
    this.adapt();
    this.draw();
  }

  chosen() { return [...this.methods.querySelectorAll("input")].filter((b) => b.checked).map((b) => b.dataset.method); }

  adapt() {
    const two = Boolean(this.knob[1].value);
    this.range[1].hidden = this.count[1].hidden = !two;
    this.knob.forEach((select, k) => {
      const ends = (this.knobs || []).find((one) => one.name === select.value)?.ends;
      if (ends) this.ends[k].forEach((box, end) => { box.placeholder = plotNumber(ends[end]); });
      if (this.before?.[k] !== select.value) for (const box of this.ends[k]) box.value = "";
    });
    this.before = this.knob.map((select) => select.value);
  }

  // Another sweep is described: show what is kept of it.
  changed() {
    this.adapt();
    clearTimeout(this.peeking);
    this.peeking = setTimeout(() => { if (this.host.isOpen && this.chosen().length && this.newest?.phase !== "running") this.ask("peek"); }, 250);
  }

  ask(what) {
    clearTimeout(this.peeking);
    const number = (box) => (box.value === "" ? null : Number(box.value));
    const knobs = [0, 1].filter((k) => this.knob[k].value).map((k) => ({
      name: this.knob[k].value, count: Number(this.count[k].value), low: number(this.ends[k][0]), high: number(this.ends[k][1]),
    }));
    this.host.send({ do: what, knobs, methods: this.chosen(), seeds: Number(this.seeds.value), target: number(this.target) });
  }

  state(message) {
    this.newest = message;
    const { phase, done, total } = message;
    const running = phase === "running";
    this.root.dataset.phase = phase;
    this.root.dataset.done = String(done);
    this.cancel.hidden = !running;
    this.bar.hidden = !running;
    this.bar.value = total ? done / total : 0;
    const kept = done ? `${done} of ${total} runs are kept from before` : `${total} runs`;
    this.note.textContent = { running: `${done} of ${total} runs${timeLeft(message.left_s)}`, kept, cancelled: `cancelled; ${done} of ${total} runs are kept`, done: `${total} runs, done`, failed: "failed" }[phase];
    renewOptions(this.figure, message.figures.map((f) => [f.name, f.label]), "time");
    renewOptions(this.method, message.methods.map((m) => [m.name, m.label]), "ftte");
    this.draw();
  }

  draw() {
    const message = this.newest;
    this.shown.hidden = !message || !message.done;
    if (!message || !message.done) { this.heading.textContent = ""; this.box.replaceChildren(); return; }
    const two = message.axes.length === 2;
    this.method.hidden = !two;
    this.picture.hidden = two;
    const figure = message.figures.find((f) => f.name === this.figure.value);
    const target = /target/.test(figure.label) ? ` (${plotNumber(message.target)} %)` : "";
    this.heading.textContent = `${two ? `${message.methods.find((m) => m.name === this.method.value).label}: ` : ""}${figure.label}${target}. Press a ${two ? "cell" : "value"} to go there.`;
    const kept = document.activeElement?.dataset?.cell;
    const held = this.box.contains(document.activeElement);
    if (two) this.box.replaceChildren(heatMap(this, message, figure));
    else if (this.box.clientWidth > 80) this.box.replaceChildren(sweepCurves(this, message, figure), sweepKey(message, figure));
    if (held && kept !== undefined) this.box.querySelector(`[data-cell="${kept}"]`)?.focus();
  }

  visit(cell) { this.host.send({ do: "go", cell }); }

  // Whether a cell is what the Lab is set to.
  isHere(message, values) {
    return message.axes.every((axis, k) => Math.abs((this.here?.[axis.name] ?? NaN) - values[k]) <= 1e-6 * Math.abs(values[k]));
  }

  csv() {
    const { axes, methods, figures } = this.newest;
    const head = [...axes.map((a) => a.name), "method", "seeds", ...figures.flatMap((f) => [f.name, `${f.name}_low`, `${f.name}_high`])];
    const rows = sweepCells(axes).flatMap((cell, k) => methods.flatMap((m) => {
      const found = figures.map((f) => f.cells[m.name][k]);
      return found[0] ? [[...cell.values, m.name, found[0][3], ...found.flatMap((c) => c.slice(0, 3).map((v) => v ?? ""))]] : [];
    }));
    this.host.file("ftte_sweep.csv", "text/csv", [head, ...rows].map((r) => r.join(",")).join("\n"));
  }

  svg() {
    const drawn = this.box.querySelector("svg");
    const copy = drawn.cloneNode(true);
    const nodes = [...drawn.querySelectorAll("*")];
    [...copy.querySelectorAll("*")].forEach((node, k) => {
      const style = getComputedStyle(nodes[k]);
      for (const key of ["fill", "stroke", "font-size", "font-weight"]) node.style.setProperty(key, style.getPropertyValue(key));
    });
    copy.style.fontFamily = "sans-serif";
    this.host.file("ftte_sweep.svg", "image/svg+xml", new XMLSerializer().serializeToString(copy));
  }

  destroy() {
    clearTimeout(this.later);
    clearTimeout(this.peeking);
    this.size.disconnect();
    if (this.lab) this.lab.removeEventListener("click", this.pressed);
  }
}

TOOLS.push({ name: "sweep", text: "Sweep", title: "One or two knobs over their range; a click on a knob's name begins here, too", tool: SweepTool });
