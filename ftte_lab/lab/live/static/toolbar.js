// Buttons, progress, and the drawers to share and to save.

class Toolbar {
  constructor(send) {
    this.send = send;
    this.buttons = {};
    const row = make("div", { className: "ftte-row ftte-toolbar", role: "toolbar" });
    row.setAttribute("aria-label", "run controls");
    for (const [name, text, title] of [
      ["run", "Run", "Run to the end, or continue after a stop"],
      ["stop", "Stop", "Stop after the server step that is being computed"],
      ["step", "Step", "Compute one server step, then stop"],
      ["reset", "Reset", "Return to the settings this Lab was opened with"],
      ["pin", "Pin", "Keep these curves, dimmed, to compare with the next run"],
    ]) row.append(this.button(name, text, title, () => send({ action: name })));
    this.share = this.shareDrawer();
    this.save = this.saveDrawer();
    row.append(this.button("share", "Share", "A code and a file that restore all settings", () => this.toggle(this.share)));
    row.append(this.button("save", "Save", "Charts and numbers as files", () => this.toggle(this.save)));
    this.bar = make("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "progress of the run");
    this.note = make("span", { className: "ftte-note", role: "status" });
    this.root = make("div", {}, row, this.share, this.save, make("div", { className: "ftte-row" }, this.bar, this.note));
  }

  button(name, text, title, act) {
    const node = make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
    node.dataset.action = name;
    this.buttons[name] = node;
    return node;
  }

  toggle(drawer) {
    const open = drawer.hidden;
    this.share.hidden = this.save.hidden = true;
    drawer.hidden = !open;
    this.buttons.share.setAttribute("aria-expanded", String(!this.share.hidden));
    this.buttons.save.setAttribute("aria-expanded", String(!this.save.hidden));
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
    entry.addEventListener("keydown", (e) => { e.stopPropagation(); if (e.key === "Enter") this.send({ action: "restore", text: entry.value }); });
    const file = make("input", { type: "file", accept: ".json,application/json", className: "ftte-file" });
    file.setAttribute("aria-label", "settings file to restore");
    file.addEventListener("change", async () => {
      if (file.files[0]) this.send({ action: "restore", text: await file.files[0].text() });
      file.value = "";
    });
    return make("div", { className: "ftte-drawer", hidden: true },
      make("div", { className: "ftte-row" }, this.code, copy, this.plain("Save file", () => this.send({ action: "export", form: "json" }))),
      make("div", { className: "ftte-row" }, entry, this.plain("Restore", () => this.send({ action: "restore", text: entry.value })), file));
  }

  saveDrawer() {
    this.which = make("select", { className: "ftte-select" });
    this.which.setAttribute("aria-label", "chart to save");
    const save = (form) => () => this.send({ action: "export", form, panel: this.which.value });
    return make("div", { className: "ftte-drawer", hidden: true }, make("div", { className: "ftte-row" },
      make("label", {}, "Chart ", this.which), this.plain("PNG", save("png")), this.plain("SVG", save("svg")),
      this.plain("All points as CSV", save("csv"))));
  }

  plain(text, act) {
    return make("button", { type: "button", className: "ftte-button", textContent: text, onclick: act });
  }

  state({ phase, progress, note }) {
    this.bar.value = progress;
    this.note.textContent = note;
    this.buttons.stop.disabled = phase !== "running";
    this.buttons.run.disabled = phase === "running";
  }
}
