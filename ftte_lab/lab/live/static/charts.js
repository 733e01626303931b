// Vega charts that are drawn once and refilled in place.

function isDark() {
  const body = document.body;
  if (body.dataset.jpThemeLight !== undefined) return body.dataset.jpThemeLight === "false";
  return body.classList.contains("vscode-dark") || body.classList.contains("theme-dark");
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in node && key !== "list") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function floats(view) {
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function ints(view) {
  return new Int32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function unpackColumn(column, buffers) {
  const view = buffers[column.at];
  if (!column.words) return floats(view);
  const codes = new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  return Array.from(codes, (code) => column.words[code]);
}

function unpackSets(sets, buffers) {
  const out = {};
  for (const [name, columns] of Object.entries(sets)) {
    const keys = Object.keys(columns);
    const values = keys.map((key) => unpackColumn(columns[key], buffers));
    const rows = [];
    for (let i = 0; i < (values[0] ? values[0].length : 0); i++) {
      const row = {};
      keys.forEach((key, k) => { row[key] = values[k][i]; });
      rows.push(row);
    }
    out[name] = rows;
  }
  return out;
}

class ChartPanel {
  constructor(name) {
    this.name = name;
    this.box = make("div", { className: "ftte-chart" });
    this.words = make("p", { className: "ftte-words" });
    const more = make("details", {}, make("summary", { textContent: "In words" }), this.words);
    this.root = make("figure", { className: "ftte-panel" }, this.box, more);
    this.root.dataset.panel = name;
    this.root.dataset.frames = "0";
    this.specs = null; this.view = null; this.result = null; this.builds = 0;
    this.size = new ResizeObserver(() => requestAnimationFrame(() => this.resize()));
    this.size.observe(this.box);
    this.sets = {}; this.signals = {}; this.extra = {}; this.waiting = false; this.describedAt = 0;
  }

  // Not "container": a page may be hidden for a while (JupyterLab hides it when it changes its theme). What has no width
  // is drawn when it has one.
  resize() {
    const width = this.box.clientWidth;
    if (!width) return;
    if (this.late) { this.build(); return; }
    if (!this.view || width === this.drawnWidth) return;
    this.drawnWidth = width;
    this.view.width(width).resize().runAsync();
  }

  get visible() { return !this.root.hidden; }

  setVisible(on) {
    if (this.visible === on) return;
    this.root.hidden = !on;
    if (on && this.specs) this.build();
  }

  drawing(specs) {
    this.specs = specs;
    this.view = null; // what comes next fits the new drawing only
    this.sets = {};
    this.stale = true;
  }

  figure(message, buffers) {
    this.sets = unpackSets(message.sets, buffers);
    this.signals = message.signals;
    this.alt = message.alt;
    this.number = message.number;
    if (this.stale) { this.stale = false; this.build(); } else this.refill();
  }

  // Rows that the page itself adds, such as the fleet's moment on the curves.
  overlay(sets) {
    this.extra = sets;
    this.refill();
  }

  refill() {
    if (!this.view || this.waiting || !this.visible) return;
    this.waiting = true;
    const later = document.hidden ? (f) => setTimeout(f, 100) : requestAnimationFrame;
    later(() => {
      this.waiting = false;
      const view = this.view;
      if (!view) return;
      for (const [name, value] of Object.entries(this.signals)) view.signal(name, value);
      for (const [name, rows] of Object.entries({ ...this.sets, ...this.extra })) view.data(name, rows);
      view.runAsync();
      this.countFrame();
    });
  }

  // Note that a frame is drawn; the text for screen readers changes once a second at most.
  countFrame() {
    const rows = Object.values(this.sets).reduce((most, set) => Math.max(most, set.length), 0);
    Object.assign(this.root.dataset, { number: this.number, points: rows });
    this.root.dataset.frames = String(Number(this.root.dataset.frames) + 1);
    const now = performance.now();
    clearTimeout(this.later);
    const describe = () => {
      this.describedAt = performance.now();
      this.words.textContent = this.alt || "";
      this.box.setAttribute("aria-label", this.alt || this.name);
    };
    if (now - this.describedAt > 1000) describe(); else this.later = setTimeout(describe, 1000);
  }

  async build() {
    if (!this.visible || !this.specs || this.stale) return;
    const mine = ++this.builds;
    const width = this.box.clientWidth;
    this.late = !width;
    clearTimeout(this.retry);
    if (this.late) {
      this.retry = setTimeout(() => { if (this.late) this.build(); }, 250); // shown before an observer has seen it hidden
      return;
    }
    const spec = structuredClone(this.specs[isDark() ? "dark" : "light"]);
    spec.width = width;
    spec.autosize = { type: "fit-x", contains: "padding" };
    spec.background = "transparent";
    spec.datasets = { ...this.sets, ...this.extra };
    for (const p of spec.params || []) if (p.name in this.signals) p.value = this.signals[p.name];
    const fresh = make("div", { className: "ftte-vega ftte-coming" });
    fresh.setAttribute("aria-hidden", "true"); // the box around it is the picture, and says what it shows
    this.box.append(fresh);
    const embed = await vegaSlot().promise;
    if (mine !== this.builds) { fresh.remove(); return; }
    const result = await embed(fresh, spec, { renderer: "svg", actions: false, tooltip: { theme: isDark() ? "dark" : "light" } });
    if (mine !== this.builds) { result.finalize(); fresh.remove(); return; }
    if (this.result) this.result.finalize();
    for (const old of [...this.box.children]) if (old !== fresh) old.remove();
    fresh.classList.remove("ftte-coming");
    this.box.setAttribute("role", "img");
    this.result = result;
    this.view = result.view;
    this.drawnWidth = width;
    this.resize(); // the box may have changed meanwhile
    this.refill(); // whatever came while the drawing was made
    this.countFrame();
  }

  close() {
    this.builds += 1;
    this.size.disconnect();
    clearTimeout(this.later);
    clearTimeout(this.retry);
    if (this.result) this.result.finalize();
    this.view = null;
  }
}
