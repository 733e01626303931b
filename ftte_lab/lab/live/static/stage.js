// The stage: routes messages of the kernel to the toolbar, the charts and the fleet.

class Stage {
  constructor(model, el) {
    this.model = model;
    this.panels = {};
    this.number = 0;
    this.toolbar = new Toolbar((content) => model.send(content));
    this.sentence = make("p", { className: "ftte-sentence" });
    this.sentence.setAttribute("aria-live", "polite");
    this.error = make("p", { className: "ftte-error", hidden: true });
    this.error.setAttribute("role", "alert");
    this.views = make("div", { className: "ftte-row ftte-views" });
    this.grid = make("div", { className: "ftte-grid" });
    this.fleet = new Fleet((t) => this.moment(t));
    this.root = make("div", { className: "ftte-stage" }, this.toolbar.root, this.error, this.sentence, this.views, this.grid);
    el.append(this.root);
    this.receive = (message, buffers) => this.message(message, buffers);
    model.on("msg:custom", this.receive);
    this.knobs = new MutationObserver(() => this.nameKnobs());
    requestAnimationFrame(() => this.nameKnobs());
    this.theme = new MutationObserver(() => this.redraw());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  }

  message(message, buffers) {
    switch (message.kind) {
      case "state": this.state(message); break;
      case "sentence": this.sentence.innerText = message.text; this.toolbar.code.value = message.code; break;
      case "error": this.error.textContent = message.text; this.error.hidden = !message.text; this.root.classList.toggle("ftte-faulty", Boolean(message.text)); break;
      case "panels": this.setPanels(message); break;
      case "drawing": this.panel(message.panel).drawing(message.specs); break;
      case "figure": if (message.number >= this.number) this.panel(message.panel).figure(message, buffers); break;
      case "fleet": this.fleet.load(message, buffers); break;
      case "file": this.file(message, buffers[0]); break;
    }
  }

  // The library's slider handles have no name for a screen reader: give them the text beside them.
  nameKnobs() {
    const box = this.root.closest(".widget-box")?.querySelector(".ftte-controls");
    if (!box) return;
    this.knobs.observe(box, { childList: true, subtree: true });
    for (const widget of box.querySelectorAll(".widget-inline-hbox")) {
      const text = widget.querySelector("label, .widget-label")?.textContent;
      const knob = widget.querySelector(".noUi-handle, input, select");
      if (text && knob && knob.getAttribute("aria-label") !== text) knob.setAttribute("aria-label", text);
    }
  }

  state(message) {
    this.number = Math.max(this.number, message.number);
    if (message.number < this.number) return;
    this.root.dataset.phase = message.phase;
    this.root.dataset.number = String(message.number);
    this.root.dataset.progress = String(message.progress);
    this.toolbar.state(message);
  }

  panel(name) {
    if (!this.panels[name]) {
      this.panels[name] = new ChartPanel(name);
      this.panels[name].root.hidden = true;
    }
    return this.panels[name];
  }

  setPanels({ all, shown, choices }) {
    const boxes = Object.entries(all).map(([name, title]) => {
      const box = make("input", { type: "checkbox", checked: shown.includes(name), onchange: () => this.toggle(name, box.checked) });
      box.dataset.panel = name;
      return make("label", { className: "ftte-chip" }, box, title);
    });
    this.selects = Object.entries(choices).map(([key, { title, options, value }]) => {
      const select = make("select", { className: "ftte-select" }, ...options.map(([id, text]) => make("option", { value: id, textContent: text })));
      select.value = value;
      select.dataset.view = key;
      select.addEventListener("change", () => this.model.send({ action: "view", [key]: select.value }));
      return make("label", { className: "ftte-choice" }, `${title} `, select);
    });
    this.views.replaceChildren(...this.selects, make("span", { className: "ftte-chips" }, ...boxes));
    this.grid.replaceChildren(...Object.keys(all).map((name) => (name === "fleet" ? this.fleet.root : this.panel(name).root)));
    this.toolbar.which.replaceChildren(...Object.entries(all).map(([name, title]) => make("option", { value: name, textContent: title })));
    for (const name of Object.keys(all)) this.toggle(name, shown.includes(name), false);
  }

  toggle(name, on, send = true) {
    (name === "fleet" ? this.fleet : this.panel(name)).setVisible(on);
    if (send) {
      const shown = [...this.views.querySelectorAll("input[data-panel]")].filter((b) => b.checked).map((b) => b.dataset.panel);
      this.model.send({ action: "view", shown });
    }
  }

  // Mark the fleet's virtual moment on the curves: a dot on each, and a rule where the axis is time.
  moment(t) {
    const curves = this.panels.curves;
    if (!curves || !curves.visible || !curves.sets.curves) return;
    const last = {};
    for (const row of curves.sets.curves) if (row.t <= t) last[row.arm] = row;
    const rule = curves.signals.per_unit ? [{ x: t / curves.signals.per_unit }] : [];
    const on = this.fleet.visible;
    curves.overlay({ now: on ? Object.values(last) : [], rule: on ? rule : [] });
  }

  file({ name, mime }, view) {
    const url = URL.createObjectURL(new Blob([view], { type: mime }));
    const link = make("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.root.dataset.saved = name;
  }

  redraw() {
    const dark = isDark();
    this.root.dataset.theme = dark ? "dark" : "light";
    if (dark === this.dark) return;
    this.dark = dark;
    for (const panel of Object.values(this.panels)) panel.build();
    this.fleet.wake();
  }

  close() {
    this.model.off("msg:custom", this.receive);
    this.theme.disconnect();
    this.knobs.disconnect();
    this.fleet.close();
    for (const panel of Object.values(this.panels)) panel.close();
  }
}

// The newest message of each kind, kept with the model: a view that appears later begins with them, even while the
// kernel is busy with a cell and cannot answer.
const memories = new WeakMap();

function memory(model) {
  if (!memories.has(model)) {
    const kept = new Map();
    const order = { drawing: 0, figure: 1 };
    memories.set(model, {
      keep: (message, buffers) => {
        if (message.kind !== "file") kept.set(message.kind + (message.panel || ""), [message, buffers]);
      },
      replay: (stage) => {
        const all = [...kept.values()].sort(([a], [b]) => (order[a.kind] ?? -1) - (order[b.kind] ?? -1));
        for (const [message, buffers] of all) stage.message(message, buffers);
      },
    });
    model.on("msg:custom", memories.get(model).keep);
  }
  return memories.get(model);
}

function initialize({ model }) {
  memory(model);
  return () => model.off("msg:custom", memory(model).keep);
}

function render({ model, el }) {
  const stage = new Stage(model, el);
  stage.dark = isDark();
  stage.root.dataset.theme = stage.dark ? "dark" : "light";
  stage.message({ kind: "panels", ...model.get("panels") });
  memory(model).replay(stage);
  model.send({ action: "hello" });
  return () => stage.close();
}

export default { initialize, render };
