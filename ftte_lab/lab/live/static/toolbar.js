// Buttons, progress, and the drawers to share and to save.

class Toolbar {
  // `moment` returns the simulated second that the fleet shows.
  constructor(send, moment) {
    this.send = send;
    this.moment = moment;
    this.buttons = {};
    const row = make("div", { className: "ftte-row ftte-toolbar", role: "toolbar" });
    row.setAttribute("aria-label", "run controls");
    for (const [name, text, title] of [
      ["run", "Run", "Run to the end, or continue after a stop"],
      ["stop", "Stop", "Stop after the server step that is being computed"],
      ["step", "One step", "Compute one server step, then stop"],
      ["reset", "Reset", "Return to the settings this Lab was opened with"],
      ["pin", "Pin", "Keep these curves to compare with the next runs; press again to drop them"],
    ]) row.append(this.button(name, text, title, () => send({ action: name })));
    this.bar = make("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "progress of the run");
    this.note = make("span", { className: "ftte-note", role: "status" });
    this.drawers = make("span", { className: "ftte-tools" });
    row.append(make("span", { className: "ftte-progress" }, this.bar, this.note), this.drawers);
    this.root = row;
  }

  button(name, text, title, act) {
    const node = make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
    node.dataset.action = name;
    this.buttons[name] = node;
    return node;
  }

  addDrawer(name, text, title, act) {
    const node = this.button(name, text, title, act);
    node.setAttribute("aria-expanded", "false");
    const share = ["share", "save"].includes(name) ? null : this.buttons.share; // tools stand before these
    this.drawers.insertBefore(node, share || null);
  }

  // The letter under which the run on the page is kept, or "".
  pinned(letter) {
    this.buttons.pin.setAttribute("aria-pressed", String(Boolean(letter)));
    this.buttons.pin.textContent = letter ? `Pinned as ${letter}` : "Pin";
  }

  shareDrawer() {
    this.code = make("input", { type: "text", className: "ftte-code", readOnly: true });
    this.code.setAttribute("aria-label", "code of these settings");
    const copy = this.plain("Copy code", () => {
      this.code.select();
      if (navigator.clipboard) navigator.clipboard.writeText(this.code.value).catch(() => document.execCommand("copy"));
      else document.execCommand("copy");
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy code"; }, 1500);
    });
    const entry = make("input", { type: "text", className: "ftte-code", placeholder: "paste a code here" });
    entry.setAttribute("aria-label", "code to restore");
    entry.addEventListener("keydown", (e) => { if (e.key === "Enter") this.send({ action: "restore", text: entry.value }); });
    const file = make("input", { type: "file", accept: ".json,application/json", className: "ftte-file" });
    file.setAttribute("aria-label", "settings file to restore");
    file.addEventListener("change", async () => {
      if (file.files[0]) this.send({ action: "restore", text: await file.files[0].text() });
      file.value = "";
    });
    return make("div", {},
      make("div", { className: "ftte-row" }, this.code, copy, this.pythonButton(), this.plain("Save file", () => this.send({ action: "export", form: "json" }))),
      make("div", { className: "ftte-row" }, entry, this.plain("Restore", () => this.send({ action: "restore", text: entry.value })), file));
  }

  // A script that makes the same runs.
  pythonButton() {
    const copy = this.plain("Copy as Python", () => {
      copyText(this.python || "");
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy as Python"; }, 1500);
    });
    copy.title = "A script that makes the same runs, without the Lab";
    copy.dataset.action = "python";
    return copy;
  }

  // The trained model of a method, as a file.
  modelRow() {
    this.trained = make("select", { className: "ftte-select" });
    this.trained.setAttribute("aria-label", "method whose trained model is saved");
    const save = this.plain("Trained model (safetensors)", () => this.send({ action: "export", form: "safetensors", panel: this.trained.value }));
    return make("div", { className: "ftte-row" }, make("label", {}, "Method ", this.trained), save);
  }

  // What the settings mean for these drawers: a script, and the methods that are trained.
  follow({ code, python, methods }) {
    this.code.value = code;
    this.python = python;
    const before = this.trained.value;
    this.trained.replaceChildren(...methods.map(([name, text]) => make("option", { value: name, textContent: text })));
    this.trained.value = methods.some(([name]) => name === before) ? before : methods.at(-1)[0];
  }

  saveDrawer() {
    this.which = make("select", { className: "ftte-select" });
    this.which.setAttribute("aria-label", "chart to save");
    const save = (form) => () => this.send({ action: "export", form, panel: this.which.value, at_s: this.moment() });
    return make("div", {}, make("div", { className: "ftte-row" },
      make("label", {}, "Chart ", this.which), this.plain("PNG", save("png")), this.plain("SVG", save("svg")), this.plain("Slide", save("slide")),
      this.plain("All points as CSV", save("csv"))), this.modelRow());
  }

  plain(text, act) {
    return make("button", { type: "button", className: "ftte-button", textContent: text, onclick: act });
  }

  state({ phase, progress, note }) {
    this.phase = phase;
    this.bar.value = progress;
    this.note.textContent = this.note.title = note;
    this.enable();
  }

  enable() {
    const { run, stop, step } = this.buttons;
    for (const button of Object.values(this.buttons)) button.disabled = Boolean(this.gone);
    if (this.gone) return;
    const done = this.phase === "done";
    stop.disabled = this.phase !== "running";
    run.disabled = done || this.phase === "running";
    step.disabled = done;
    const why = "This run is complete. Turn a knob, and another one begins.";
    run.title = done ? why : "Run to the end, or continue after a stop";
    step.title = done ? why : "Compute one server step, then stop";
  }

  // A sentence in place of the progress, when there is nobody to press buttons for.
  leave(text) {
    this.gone = text;
    this.bar.hidden = Boolean(text);
    if (text) this.note.textContent = this.note.title = text;
    this.note.classList.toggle("ftte-gone", Boolean(text));
    this.enable();
  }
}
