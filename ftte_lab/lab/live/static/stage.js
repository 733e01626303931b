// The stage: routes messages of the kernel to the toolbar, the scoreboard, the charts and the fleet.

class Stage {
  constructor(model, el) {
    this.model = model;
    this.panels = {};
    this.number = 0;
    this.outbox = new Outbox(model);
    this.toolbar = new Toolbar((content) => this.outbox.send(content), () => this.fleet.t);
    this.scores = new ScoreBoard((content) => this.outbox.send(content));
    this.sentence = make("p", { className: "ftte-sentence", hidden: true });
    this.sentence.setAttribute("aria-live", "polite");
    this.pins = make("ul", { className: "ftte-pins" });
    this.pins.setAttribute("aria-label", "pinned runs");
    this.drawers = new Drawers(this);
    this.error = make("p", { className: "ftte-error", hidden: true });
    this.error.setAttribute("role", "alert");
    this.views = make("div", { className: "ftte-row ftte-views" });
    this.grid = make("div", { className: "ftte-grid" });
    this.fleet = new Fleet((t) => this.moment(t));
    this.toolbarBox = make("div", { className: "ftte-head" }, this.toolbar.root, this.drawers.root, this.error, this.scores.root);
    this.main = make("div", { className: "ftte-main" }, this.sentence, this.pins, this.views, this.grid);
    this.root = make("div", { className: "ftte-stage" }, this.toolbarBox, this.main);
    this.drawers.add("share", "Share", "A code and a file that restore all settings", this.toolbar.shareDrawer());
    this.present = new Present(this);
    this.drawers.add("save", "Save", "Charts and numbers as files", this.toolbar.saveDrawer());
    el.append(this.root);
    this.receive = (message, buffers) => this.message(message, buffers);
    model.on("msg:custom", this.receive);
    this.knobs = new KnobColumn(this);
    this.pulse = new Pulse(model, (text) => this.leave(text));
    this.theme = new MutationObserver(() => this.redraw());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  }

  message(message, buffers) {
    switch (message.kind) {
      case "state": this.state(message); break;
      case "sentence": this.words(message); break;
      case "scores": this.scores.show(message); break;
      case "tool": this.drawers.receive(message, buffers); break;
      case "error": this.error.textContent = message.text; this.error.hidden = !message.text; this.root.classList.toggle("ftte-faulty", Boolean(message.fatal)); break;
      case "panels": this.setPanels(message); break;
      case "drawing": this.panel(message.panel).drawing(message.specs); break;
      case "figure": if (message.number >= this.number) this.panel(message.panel).figure(message, buffers); break;
      case "fleet": this.fleet.load(message, buffers); break;
      case "answer": this.outbox.answer(message); break;
      case "still": renewStill(this.model, message); break;
      case "file": this.file(message, buffers[0]); break;
    }
  }

  words({ text, code, pins, pinned, python, methods }) {
    this.sentence.innerText = text;
    const key = JSON.stringify(pins);
    if (key !== this.pinKey) {
      this.pinKey = key;
      this.pins.replaceChildren(...pins.map(([letter, differs]) => {
        const drop = make("button", { type: "button", className: "ftte-button ftte-unpin", textContent: "Unpin", title: `Drop the pinned run ${letter}` });
        drop.setAttribute("aria-label", `Unpin ${letter}`);
        drop.addEventListener("click", () => this.outbox.send({ action: "unpin", letter }));
        return make("li", {}, make("b", {}, letter), ` ${differs} `, drop);
      }));
    }
    this.toolbar.follow({ code, python, methods });
    this.toolbar.pinned(pinned);
  }

  // The kernel has gone: say so in place of the progress. What was drawn stays, and the fleet still plays.
  leave(text) {
    this.root.dataset.gone = String(Boolean(text));
    this.toolbar.leave(text);
    this.knobs.use(!text);
    for (const part of [this.drawers.root, this.views, this.pins, this.scores.target]) part.inert = Boolean(text);
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

  // Make the boxes and menus, or, where they are there, set them to what another view of this Lab was set to.
  setPanels(message) {
    const { all, shown, choices, tools = [], kiosk = false } = message;
    this.kiosk = kiosk;
    if (kiosk && !this.idle) this.idle = new Kiosk(this, kiosk === true ? undefined : kiosk);
    const key = JSON.stringify([all, Object.values(choices).map(({ options }) => options), tools]);
    if (key !== this.panelKey) {
      this.panelKey = key;
      this.drawers.show(tools);
      this.makeViews(all, choices);
      this.grid.replaceChildren(...Object.keys(all).map((name) => (name === "fleet" ? this.fleet.root : this.panel(name).root)));
      this.toolbar.which.replaceChildren(...Object.entries(all).map(([name, title]) => make("option", { value: name, textContent: title })));
      this.toolbar.which.value = "curves";
    }
    this.missed = this.choosing ? message : null;
    if (this.choosing) return;
    for (const [name, select] of Object.entries(this.selects)) select.value = choices[name].value;
    for (const [name, box] of Object.entries(this.boxes)) {
      box.checked = shown.includes(name);
      this.chart(name).setVisible(box.checked);
    }
    this.which.textContent = `Charts (${shown.length} of ${Object.keys(all).length})`;
  }

  makeViews(all, choices) {
    this.boxes = {};
    this.selects = {};
    const boxes = Object.entries(all).map(([name, title]) => {
      const box = make("input", { type: "checkbox", onchange: () => this.toggle(name) });
      box.dataset.panel = name;
      this.boxes[name] = box;
      return make("label", { className: "ftte-chip" }, box, title);
    });
    const selects = Object.entries(choices).map(([key, { title, options }]) => {
      const select = make("select", { className: "ftte-select" }, ...options.map(([id, text]) => make("option", { value: id, textContent: text })));
      select.dataset.view = key;
      select.addEventListener("change", () => this.choose({ [key]: select.value }));
      this.selects[key] = select;
      return make("label", { className: "ftte-choice" }, `${title} `, select);
    });
    const chips = make("div", { className: "ftte-chips", hidden: this.chips ? this.chips.hidden : true }, ...boxes);
    this.chips = chips;
    this.about = this.opener("ftte-about", "In words", "What these settings mean", this.sentence);
    this.which = this.opener("ftte-which", "Charts", "Choose which charts are shown", chips);
    this.views.replaceChildren(this.about, ...selects, this.which, chips);
  }

  // A button that opens and closes a part of the page.
  opener(name, text, title, part) {
    const button = make("button", { type: "button", className: `ftte-button ${name}`, textContent: text, title });
    const say = () => button.setAttribute("aria-expanded", String(!part.hidden));
    button.addEventListener("click", () => { part.hidden = !part.hidden; say(); });
    say();
    return button;
  }

  chart(name) { return name === "fleet" ? this.fleet : this.panel(name); }

  toggle(name) {
    this.chart(name).setVisible(this.boxes[name].checked);
    const names = Object.keys(this.boxes), shown = names.filter((one) => this.boxes[one].checked);
    this.which.textContent = `Charts (${shown.length} of ${names.length})`;
    this.choose({ shown });
  }

  // Ask for other charts or axes. What the kernel repeats of earlier choices on its way to this one is not followed.
  choose(view) {
    this.choosing = (this.choosing || 0) + 1;
    this.outbox.send({ action: "view", ...view }, undefined, () => {
      this.choosing -= 1;
      if (!this.choosing && this.missed) this.setPanels(this.missed);
    });
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
    if (this.scores.message) this.scores.show(this.scores.message);
    this.fleet.wake();
  }

  close() {
    this.model.off("msg:custom", this.receive);
    this.theme.disconnect();
    this.pulse.close();
    this.knobs.close();
    this.drawers.close();
    if (this.idle) this.idle.close();
    this.present.close();
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
        if (message.kind === "file" || message.kind === "answer") return;
        kept.set([message.kind, message.panel || "", message.tool || "", message.part || ""].join(" "), [message, buffers]);
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
