// The fleet: a canvas that replays the timelines of all methods on one virtual clock.

const FRAME_MS = 1000 / 30;
const ONE_ROW_HEIGHT = 190; // px, if all methods stand side by side
const PANE_HEIGHT = 150; // px, of each of several rows
const ROW_GAP = 12;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32];

function clock(s) {
  if (s < 60) return `${s.toFixed(1)} s`;
  const minutes = Math.floor(s / 60);
  const rest = String(Math.floor(s % 60)).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest} min` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest} h`;
}

// As `seconds` in ftte_lab/_common/text.py.
function duration(s) {
  if (s > 0 && s < 0.95) return `${Math.round(1000 * s)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

class Fleet {
  constructor(onMoment) {
    this.onMoment = onMoment;
    this.painter = new FleetPainter();
    Object.assign(this, { arms: [], t: 0, playing: false, speed: 2, last: 0, drawnAt: -1e9, picked: null });
    this.canvas = make("canvas", { className: "ftte-canvas", tabIndex: 0, role: "img" });
    this.canvas.setAttribute("aria-label", "The fleet. Arrow keys move from device to device.");
    this.tip = make("div", { className: "ftte-tip", hidden: true, role: "status" });
    this.words = make("p", { className: "ftte-words" });
    this.legend = make("div", { className: "ftte-legend" });
    const more = make("details", {}, make("summary", { textContent: "In words" }), this.words);
    this.root = make("figure", { className: "ftte-panel ftte-fleet" }, this.legend,
      make("div", { className: "ftte-canvas-box" }, this.canvas, this.tip), this.controls(more));
    this.root.dataset.panel = "fleet";
    this.root.dataset.frames = "0";
    this.canvas.addEventListener("pointermove", (e) => this.hover(e));
    this.canvas.addEventListener("pointerleave", () => this.pick(null));
    this.canvas.addEventListener("blur", () => this.pick(null));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.visibility = new IntersectionObserver((entries) => { this.onScreen = entries[entries.length - 1].isIntersecting; this.wake(); });
    this.visibility.observe(this.canvas);
    this.size = new ResizeObserver(() => this.wake());
    this.size.observe(this.root);
  }

  controls(more) {
    const button = (text, title, act) => make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
    this.playButton = button("Play", "Play or pause the replay", () => this.play(!this.playing));
    const next = button("Next server step", "Go to the next server step of any method", () => this.nextStep());
    this.scrub = make("input", { type: "range", min: "0", max: "1000", step: "any", value: "0", className: "ftte-scrub" });
    this.scrub.setAttribute("aria-label", "simulated time of the replay");
    this.scrub.addEventListener("input", () => { this.play(false); this.seek(Number(this.scrub.value)); });
    this.faster = make("select", { className: "ftte-select", title: "How many times faster than the devices" });
    this.faster.setAttribute("aria-label", "speed of the replay");
    this.faster.addEventListener("change", () => { this.speed = Number(this.faster.value); this.wake(); });
    this.time = make("output", { className: "ftte-time" });
    return make("div", { className: "ftte-row" }, this.playButton, next, this.scrub, this.time, this.faster, more);
  }

  get visible() { return !this.root.hidden; }

  setVisible(on) { this.root.hidden = !on; this.wake(); }

  load(content, buffers) {
    this.devices = content.devices;
    this.kinds = content.kinds;
    this.end = content.end_s;
    this.arms = content.arms.map((arm) => new FleetArm(arm, buffers, content.devices.kind.length));
    this.order = content.devices.kind.map((_, c) => c).sort((a, b) => content.devices.kind[a] - content.devices.kind[b] || a - b);
    this.painter.flash = {};
    this.scrub.max = String(this.end);
    this.setSpeeds(content.typical_s);
    this.legend.replaceChildren(make("span", { className: "ftte-title", textContent: "The fleet" }), ...this.kinds.map((kind) => this.legendEntry(kind)),
      make("span", { className: "ftte-key", textContent: content.signs }));
    if (!this.started) {
      this.started = true;
      this.t = 0;
      this.play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    }
    this.seek(Math.min(this.t, this.end));
  }

  legendEntry(kind) {
    const mark = make("canvas", { width: 28, height: 28, className: "ftte-key-mark" });
    const c = mark.getContext("2d");
    c.translate(14, 14);
    c.fillStyle = kind.colour;
    c.beginPath(); SHAPE_PATHS[kind.shape](c, 9); c.fill();
    const count = this.devices.kind.filter((k) => this.kinds[k] === kind).length;
    return make("span", { className: "ftte-key" }, mark, `${count} × ${kind.name}`);
  }

  // The standard speed shows a typical participation in two seconds; others are multiples of it.
  setSpeeds(typical) {
    const base = Number(Math.max(typical / 2, 0.01).toPrecision(1));
    if (base === this.base) return;
    this.base = base;
    this.speed = base;
    this.faster.replaceChildren(...SPEEDS.map((k) => make("option", { value: String(k * base), textContent: `${Number((k * base).toPrecision(2))} ×` })));
    this.faster.value = String(base);
  }

  play(on) {
    if (on && this.t >= this.end) this.t = 0;
    this.playing = on;
    this.last = performance.now();
    this.playButton.textContent = on ? "Pause" : "Play";
    this.root.dataset.playing = String(on);
    this.wake();
  }

  seek(t) { this.t = Math.min(Math.max(t, 0), this.end); this.wake(); }

  nextStep() {
    this.play(false);
    let next = this.end;
    for (const arm of this.arms) {
      const version = countUntil(arm.step_s, this.t);
      if (version < arm.step_s.length) next = Math.min(next, arm.step_s[version]);
    }
    this.seek(next);
  }

  wake() {
    if (this.frame || !this.arms.length || !this.visible || this.closed) return;
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.frame = 0;
    if (now - this.drawnAt < FRAME_MS - 4) { this.wake(); return; } // the machine also trains: 30 frames a second will do
    this.drawnAt = now;
    if (this.playing) {
      const passed = Math.min(now - this.last, 250) / 1000;
      if (this.onScreen !== false) this.t = Math.min(this.end, this.t + passed * this.speed);
      this.last = now;
      if (this.t >= this.end) this.play(false);
    }
    this.draw(now);
    this.root.dataset.frames = String(Number(this.root.dataset.frames) + 1);
    if ((this.playing && this.onScreen !== false) || this.painter.flashing(now)) this.wake();
  }

  draw(now) {
    const colours = COLOURS[isDark() ? "dark" : "light"];
    const width = this.canvas.parentElement.clientWidth || 600;
    const fit = Math.max(1, Math.min(this.arms.length, Math.floor(width / 205)));
    const columns = Math.ceil(this.arms.length / Math.ceil(this.arms.length / fit)); // rows of equal length
    const paneWidth = (width - 16 * (columns - 1)) / columns;
    const rows = Math.ceil(this.arms.length / columns);
    const paneHeight = rows > 1 ? PANE_HEIGHT : ONE_ROW_HEIGHT, rowStep = paneHeight + ROW_GAP;
    const height = rows * rowStep - ROW_GAP; // of the number of methods and the width alone: nothing jumps
    const ratio = window.devicePixelRatio || 1;
    this.painter.show(this.devices, this.kinds, this.order, this.t, ratio);
    const panes = this.arms.map((arm) => this.painter.layout(arm, paneWidth, paneHeight));
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.height = `${height}px`;
    }
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    this.spots = [];
    const clauses = [];
    this.arms.forEach((arm, k) => {
      const x = (k % columns) * (paneWidth + 16);
      const y = Math.floor(k / columns) * rowStep;
      const state = arm.at(this.t);
      this.painter.drawArm(c, arm, state, panes[k], x, y, colours, now, this.spots);
      clauses.push(arm.describe(state));
    });
    this.drawPicked(c, colours);
    this.showMoment(clauses, now);
  }

  showMoment(clauses, now) {
    this.time.textContent = clock(this.t);
    if (this.playing || document.activeElement !== this.scrub) this.scrub.value = String(this.t);
    this.scrub.setAttribute("aria-valuetext", clock(this.t));
    if (!this.playing || now - (this.describedAt || 0) > 250) {
      this.describedAt = now;
      this.words.textContent = `The fleet at ${duration(this.t)} of virtual time: ${clauses.join("; ")}.`;
      this.root.dataset.t = String(this.t);
      this.onMoment(this.t);
    }
  }

  hover(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const spot = (this.spots || []).find((s) => Math.abs(s.x - x) <= s.r && Math.abs(s.y - y) <= s.r);
    this.pick(spot ? { arm: spot.arm.name, client: spot.client } : null);
  }

  key(event) {
    const count = (this.spots || []).length;
    if (!count) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }[event.key];
    if (!step) { if (event.key === "Escape") this.pick(null); return; }
    event.preventDefault();
    event.stopPropagation();
    const now = this.picked ? this.spots.findIndex((s) => s.arm.name === this.picked.arm && s.client === this.picked.client) : -step;
    const spot = this.spots[(now + step + count) % count];
    this.pick({ arm: spot.arm.name, client: spot.client });
  }

  pick(picked) { this.picked = picked; this.wake(); }

  drawPicked(c, colours) {
    const spot = this.picked && this.spots.find((s) => s.arm.name === this.picked.arm && s.client === this.picked.client);
    this.tip.hidden = !spot;
    if (!spot) return;
    c.strokeStyle = colours.ink;
    c.lineWidth = 1;
    c.strokeRect(spot.x - spot.r, spot.y - spot.r, 2 * spot.r, 2 * spot.r);
    const text = this.describe(spot);
    if (this.tip.textContent !== text) this.tip.textContent = text;
    const width = this.canvas.parentElement.clientWidth;
    this.tip.style.left = `${Math.max(0, Math.min(spot.x + spot.r + 6, width - 236))}px`;
    this.tip.style.top = `${spot.y + spot.r + 4}px`;
  }

  describe({ arm, client, device, version }) {
    const kib = (b) => (b >= 2 ** 20 ? `${(b / 2 ** 20).toFixed(0)} MiB` : `${(b / 1024).toFixed(1)} KiB`);
    const memory = this.devices.memory[client];
    const lines = [`${this.kinds[this.devices.kind[client]].name} ${client}` + (this.devices.slow[client] > 1 ? `, a straggler (${this.devices.slow[client]} × slower)` : "")];
    lines.push(`step needs ${kib(arm.need)}, it has ${kib(memory)}` + (memory < arm.need ? ": too small" : ""));
    if (device.phase) lines.push(`${PHASES[device.phase]}, started from version ${arm.version[device.p]}: ${version - arm.version[device.p]} old now`);
    else lines.push(device.lost ? "idle; its last update was lost" : "idle");
    const once = arm.once && device.visits ? arm.once - arm.download : 0;
    lines.push(`${device.visits} visits: about ${kib(device.visits * arm.download + once)} down, ${kib(Math.max(0, device.visits - (device.phase > 0)) * arm.upload)} up`);
    return lines.join("\n");
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.visibility.disconnect();
    this.size.disconnect();
  }
}
