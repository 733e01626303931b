// The column of knobs: names for screen readers, groups that open and close, and keys that stay on the page.

function labOf(stage) { return stage.toolbarBox.closest(".ftte-lab"); }

function knobsOf(stage) {
  const lab = labOf(stage);
  if (!lab) return [];
  return [...lab.querySelectorAll("[class*=ftte-knob-]")].map((node) => ({
    name: [...node.classList].find((c) => c.startsWith("ftte-knob-")).slice("ftte-knob-".length),
    label: node.querySelector("label, .widget-label")?.textContent || "",
    node,
  }));
}

function placeOf(stage, name) {
  if (name === "scoreboard") return stage.scores.root;
  if (name === "fleet") return stage.fleet.root;
  if (stage.panels[name]) return stage.panels[name].root;
  return knobsOf(stage).find((knob) => knob.name === name)?.node || null;
}

class KnobColumn {
  constructor(stage) {
    this.stage = stage;
    this.turned = () => this.stage.outbox.turned();
    this.observer = new MutationObserver(() => this.name());
    this.attach();
  }

  // The library puts a view on the page some time after it has made it.
  attach() {
    const lab = labOf(this.stage);
    if (this.closed || this.lab) return;
    if (!lab || !lab.isConnected) { this.later = setTimeout(() => this.attach(), 30); return; }
    this.lab = lab;
    lab.addEventListener("keydown", keepKey);
    lab.addEventListener("keydown", this.typing = (event) => { if (event.key === "Enter") noteClamped(event); }, true);
    lab.addEventListener("focusout", this.leaving = (event) => noteClamped(event), true);
    this.size = new ResizeObserver(() => this.fit());
    this.size.observe(lab);
    this.fit();
    this.name();
    const box = lab.querySelector(".ftte-controls");
    if (box) {
      this.observer.observe(box, { childList: true, subtree: true });
      for (const kind of TURNING) box.addEventListener(kind, this.turned, true);
    }
    this.use(this.usable);
  }

  fit() {
    const width = this.lab.clientWidth;
    if (width) this.lab.dataset.width = width < 760 ? "narrow" : width < 1150 ? "middle" : "wide";
  }

  // Knobs of a Lab that has ended cannot be turned.
  use(on) {
    this.usable = on;
    const box = this.lab && this.lab.querySelector(".ftte-controls");
    if (box) box.inert = on === false;
  }

  // The library's controls have no name for a screen reader: give them the text beside them.
  name() {
    for (const widget of this.lab.querySelectorAll(".ftte-controls .widget-inline-hbox")) {
      const text = widget.querySelector("label, .widget-label")?.textContent;
      const knob = widget.querySelector(".noUi-handle, input, select");
      if (text && knob && knob.getAttribute("aria-label") !== text) knob.setAttribute("aria-label", text);
      const readout = widget.querySelector(".widget-readout[contenteditable]");
      if (text && readout && !readout.hasAttribute("role")) {
        readout.setAttribute("role", "textbox");
        readout.setAttribute("aria-label", `${text}: value`);
      }
    }
    for (const option of this.lab.querySelectorAll(".ftte-controls option")) {
      if (!option.disabled && option.textContent.replaceAll("\u00a0", " ").includes(ABSENT)) option.disabled = true;
    }
    for (const title of this.lab.querySelectorAll("button.ftte-group-title")) {
      if (title.dataset.ready) continue;
      title.dataset.ready = "true";
      const group = title.closest(".ftte-group");
      const show = (open) => {
        group.classList.toggle("ftte-closed", !open);
        title.setAttribute("aria-expanded", String(open));
      };
      show(!group.classList.contains("ftte-closed"));
      title.addEventListener("click", () => show(group.classList.contains("ftte-closed")));
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.later);
    this.observer.disconnect();
    if (this.size) this.size.disconnect();
    if (!this.lab) return;
    for (const kind of TURNING) this.lab.querySelector(".ftte-controls")?.removeEventListener(kind, this.turned, true);
    this.lab.removeEventListener("keydown", keepKey);
    this.lab.removeEventListener("keydown", this.typing, true);
    this.lab.removeEventListener("focusout", this.leaving, true);
  }
}

const TURNING = ["keydown", "pointerdown", "change", "focusout"]; // a drag that ends elsewhere takes the focus along
const ABSENT = "not on this computer"; // as in ftte_lab/lab/data_choice.py
const TEXT_KEYS = new Set(["a", "c", "v", "x", "y", "z", "Backspace", "Delete", "Home", "End", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

// JupyterLab takes letters, arrows and Enter as commands of the notebook: what is typed in a Lab is the Lab's. Chords
// such as Ctrl+S still are JupyterLab's, but for those with which one edits a text, and those that would run the cell.
function keepKey(event) {
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  const text = event.target.isContentEditable || event.target.matches("textarea, input:not([type=checkbox], [type=range], [type=button])");
  if (!chord || event.key === "Enter" || (text && TEXT_KEYS.has(event.key))) event.stopPropagation();
}

// The library moves a typed number that is out of range to the nearest end, without a word: say so.
function noteClamped(event) {
  const field = event.target;
  if (!field.matches?.(".ftte-controls .widget-readout[contenteditable], .ftte-controls input[type=number]")) return;
  const widget = field.closest(".widget-inline-hbox");
  const read = () => Number((field.value ?? field.textContent).replace(/[^0-9.eE+-]/g, ""));
  const typed = read();
  setTimeout(() => {
    const now = read();
    const near = (a, b) => Math.abs(a - b) <= 0.01 * Math.max(Math.abs(a), Math.abs(b));
    const moved = Number.isFinite(typed) && !near(typed, now) && !near(100 * typed, now);
    const note = widget.querySelector(".ftte-typed");
    if (note && (moved || event.type === "keydown")) note.remove();
    if (!moved) return;
    const text = `${typed.toLocaleString("en")} is not possible here; the knob stands at ${now.toLocaleString("en")}.`;
    const fresh = make("span", { className: "ftte-note ftte-typed", role: "status", textContent: text });
    widget.append(fresh);
    widget.addEventListener("pointerdown", () => fresh.remove(), { once: true });
  }, 0);
}
