// Find: one sentence with menus, the points as they come, and an answer in words.

// Questions that are asked with one click: their text, and the parts of the sentence.
const QUESTIONS = [
  ["the smallest memory budget", { want: "smallest", knob: "budget_kib", cost: "sim_seconds" }],
  ["the cheapest buffer, in bytes", { want: "cheapest", knob: "buffer", cost: "total_bytes" }],
  ["the cheapest buffer, in joules", { want: "cheapest", knob: "buffer", cost: "energy_j" }],
];

class FindTool {
  constructor(host) {
    this.host = host;
    const row = (...parts) => make("div", { className: "ftte-row ftte-find-sentence" }, ...parts);
    this.want = choiceOf("smallest, largest or cheapest", [["smallest", "smallest"]], "smallest", () => this.adapt());
    this.knob = choiceOf("knob to search", [], undefined, () => this.adapt());
    this.method = choiceOf("method", []);
    this.target = numberBox("target accuracy in percent", 90, 1, 100);
    this.limit = numberBox("limit", 20, 0.01, 1e9);
    this.cost = choiceOf("what counts as cost", [], undefined, () => this.adapt());
    this.low = numberBox("lower end of the range", null, 0, 1e9);
    this.high = numberBox("upper end of the range", null, 0, 1e9);
    this.seeds = choiceOf("number of seeds", [1, 2, 3, 5, 7, 10].map((n) => [n, n === 1 ? "1 seed" : `${n} seeds`]), "3");
    this.within = make("span", {}, "within ");
    this.go = pressButton("Find", "Search with few runs; all are kept", () => this.ask());
    this.go.classList.add("ftte-find-go");
    this.cancel = pressButton("Cancel", "End the search at once", () => host.send({ do: "cancel" }));
    this.there = pressButton("Go there", "Set the Lab to the answer", () => host.send({ do: "go" }));
    this.bar = make("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "progress of the search");
    this.note = make("span", { className: "ftte-note" });
    this.sofar = make("p", { className: "ftte-find-text ftte-note" });
    this.answer = make("p", { className: "ftte-find-text ftte-find-answer" });
    this.answer.setAttribute("aria-live", "polite");
    this.box = make("div", { className: "ftte-find-plot" });
    this.running = make("span", { className: "ftte-row", hidden: true }, this.bar, this.note);
    this.cancel.hidden = this.there.hidden = true;
    const ready = QUESTIONS.map(([text, parts]) => pressButton(text, "Ask this with the target and the seeds below", () => this.askFor(parts)));
    this.root = make("div", { className: "ftte-find" },
      make("div", { className: "ftte-row ftte-find-ready" }, "Ask for ", ...ready),
      row("Find the ", this.want, this.knob, " with which ", this.method, " reaches ", this.target, " % ", this.within, this.limit, this.cost,
        ", between ", this.low, " and ", this.high, ", ", this.seeds, this.go, this.cancel),
      this.running, this.sofar, make("div", { className: "ftte-row" }, this.answer, this.there), this.box);
    this.size = new ResizeObserver(() => this.draw());
    this.size.observe(this.box);
    this.root.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target.matches("input")) this.ask(); });
  }

  receive(message) {
    if (message.part === "form") this.form(message);
    if (message.part === "state") this.state(message);
  }

  form({ knobs, methods, wants, costs, minutes }) {
    const shown = this.host.knobs();
    const first = knobs.filter((k) => shown.some((s) => s.name === k.name));
    const rest = knobs.filter((k) => !first.includes(k));
    this.knobs = [...first, ...rest];
    renewOptions(this.want, wants.map((want) => [want, want]), "smallest");
    renewOptions(this.knob, this.knobs.map((k) => [k.name, k.label]), "budget_kib");
    renewOptions(this.method, methods, "ftte");
    this.costs = costs;
    const before = this.cost.value || "sim_seconds";
    renewOptions(this.cost, costs.map(([of, words, unit]) => [of, `${unit} of ${words}`.replace("updates of client", "client")]), before);
    if (!this.asked) this.limit.value = String(Math.min(20, Math.round(minutes * 10) / 10));
    this.adapt();
  }

  adapt() {
    const cheapest = this.want.value === "cheapest";
    this.within.textContent = cheapest ? "for the fewest " : this.cost.value === "sim_seconds" ? "within " : "with at most ";
    this.limit.hidden = cheapest;
    const ends = (this.knobs || []).find((k) => k.name === this.knob.value)?.ends;
    if (ends) [this.low.placeholder, this.high.placeholder] = ends.map(plotNumber);
    if (this.shownKnob !== this.knob.value) this.low.value = this.high.value = "";
    this.shownKnob = this.knob.value;
  }

  askFor(parts) {
    for (const [name, value] of Object.entries(parts)) this[name].value = value;
    this.adapt();
    this.ask();
  }

  ask() {
    this.asked = true;
    const number = (box) => (box.value === "" ? null : Number(box.value));
    this.host.send({
      do: "find", want: this.want.value, knob: this.knob.value, method: this.method.value, target: number(this.target), of: this.cost.value,
      within: this.want.value === "cheapest" ? null : number(this.limit), low: number(this.low), high: number(this.high), seeds: Number(this.seeds.value),
    });
  }

  state(message) {
    this.newest = message;
    const running = message.phase === "running";
    this.root.dataset.phase = message.phase;
    this.running.hidden = !running;
    this.cancel.hidden = !running;
    this.bar.value = message.expected ? message.done / message.expected : 0;
    this.note.textContent = message.expected ? `${message.done} of at most ${message.expected} runs${timeLeft(message.left_s)}` : "starting the worker processes";
    this.sofar.textContent = running ? message.text : "";
    if (this.answer.textContent !== (running ? "" : message.text)) this.answer.textContent = running ? "" : message.text;
    this.there.hidden = running || message.answer === null || message.answer === undefined;
    if (!this.there.hidden) this.there.textContent = `Go to ${message.answer_text}`;
    this.draw();
  }

  draw() {
    const message = this.newest;
    const width = Math.min(760, this.box.clientWidth);
    if (!message || !message.trials.length || width < 80) { this.box.replaceChildren(); return; }
    const trials = message.trials;
    const costs = trials.flatMap((t) => t.costs).filter((c) => c !== null);
    const top = Math.max(...costs, message.limit || 0, 0.001) * 1.12;
    const colour = message.colours[isDark() ? 1 : 0];
    const plot = new Plot({
      width, height: 230, values: trials.map((t) => t.value), texts: trials.map((t) => t.text), ends: [0, top],
      xLabel: message.label, yLabel: `${message.cost}, ${message.unit}`, name: `tried values of ${message.label}`,
    });
    if (message.limit) plot.rule(message.limit, `limit ${message.limit_text}`);
    plot.line(trials.map((t) => [t.value, t.running ? null : t.median]), colour);
    for (const trial of trials) {
      for (const cost of trial.costs) if (cost !== null) plot.dot(trial.value, cost, colour, trial.running);
      const out = trial.costs.filter((c) => c === null).length;
      const x = plot.x(trial.value);
      if (out) plot.svg.append(plot.text(x, PLOT.top + 8, out > 1 ? `▵${out}` : "▵", "middle"));
      if (trial.reason) plot.svg.append(plot.text(x, plot.bottom - 6, "×", "middle", "ftte-plot-title"));
      if (trial.running) plot.svg.append(plot.text(x, plot.bottom - 6, "…", "middle"));
      if (trial.value === message.answer && !trial.running) {
        plot.svg.append(svgNode("line", { x1: x, x2: x, y1: PLOT.top, y2: plot.bottom, class: "ftte-plot-rule" }));
      }
    }
    const key = [["●", "a seed"], ["–", "their median"]];
    if (trials.some((t) => t.costs.includes(null))) key.push(["▵", "seeds that do not reach it"]);
    if (trials.some((t) => t.reason)) key.push(["×", trials.find((t) => t.reason).reason]);
    this.box.replaceChildren(plot.svg, make("p", { className: "ftte-note ftte-find-key", textContent: key.map((k) => k.join(" ")).join("   ") }));
  }

  destroy() { this.size.disconnect(); }
}

TOOLS.push({ name: "find", text: "Find", title: "Search for the smallest, largest or cheapest value of a knob that does something", tool: FindTool });
