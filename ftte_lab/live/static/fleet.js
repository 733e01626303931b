// The fleet, seen: a canvas that replays the timelines of all methods on one virtual clock.

const FRAME_MS = 1000 / 30;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32];
const SHAPE_PATHS = {
  circle: (c, r) => c.arc(0, 0, r, 0, 2 * Math.PI),
  square: (c, r) => c.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  diamond: (c, r) => { c.moveTo(0, -1.15 * r); c.lineTo(r, 0); c.lineTo(0, 1.15 * r); c.lineTo(-r, 0); c.closePath(); },
  cross: (c, r) => { c.rect(-r, -0.38 * r, 2 * r, 0.76 * r); c.rect(-0.38 * r, -r, 0.76 * r, 2 * r); },
  "triangle-up": (c, r) => { c.moveTo(0, -1.1 * r); c.lineTo(r, 0.8 * r); c.lineTo(-r, 0.8 * r); c.closePath(); },
  "triangle-down": (c, r) => { c.moveTo(0, 1.1 * r); c.lineTo(r, -0.8 * r); c.lineTo(-r, -0.8 * r); c.closePath(); },
  "triangle-left": (c, r) => { c.moveTo(-1.1 * r, 0); c.lineTo(0.8 * r, -r); c.lineTo(0.8 * r, r); c.closePath(); },
  "triangle-right": (c, r) => { c.moveTo(1.1 * r, 0); c.lineTo(-0.8 * r, -r); c.lineTo(-0.8 * r, r); c.closePath(); },
};
const COLOURS = {
  light: { ink: "#333", soft: "#777", empty: "#ECECEC", ring: "#E4E4E4", line: "#D55E00", phases: ["", "#9CC5E3", "#0072B2", "#E69F00"] },
  dark: { ink: "#E4E4E4", soft: "#A5A5A5", empty: "#333", ring: "#3A3A3A", line: "#FF8A3D", phases: ["", "#3E6C8E", "#56B4E9", "#E69F00"] },
};

function clock(s) {
  if (s < 60) return `${s.toFixed(1)} s`;
  const minutes = Math.floor(s / 60);
  const rest = String(Math.floor(s % 60)).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest} min` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest} h`;
}

function spoken(s) {
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

class Fleet {
  constructor(onMoment) {
    this.onMoment = onMoment;
    this.arms = []; this.t = 0; this.playing = false; this.speed = 2; this.last = 0; this.drawnAt = -1e9; this.picked = null; this.flash = {};
    this.canvas = make("canvas", { className: "ftte-canvas", tabIndex: 0, role: "img" });
    this.canvas.setAttribute("aria-label", "The fleet. Arrow keys walk from device to device.");
    this.tip = make("div", { className: "ftte-tip", hidden: true, role: "status" });
    this.words = make("p", { className: "ftte-words" });
    this.legend = make("div", { className: "ftte-legend" });
    const more = make("details", {}, make("summary", { textContent: "In words" }), this.words);
    this.root = make("figure", { className: "ftte-panel ftte-fleet" }, this.legend,
      make("div", { className: "ftte-canvas-box" }, this.canvas, this.tip), this.controls(), more);
    this.root.dataset.panel = "fleet";
    this.root.dataset.frames = "0";
    this.canvas.addEventListener("pointermove", (e) => this.hover(e));
    this.canvas.addEventListener("pointerleave", () => this.pick(null));
    this.canvas.addEventListener("blur", () => this.pick(null));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.seen = new IntersectionObserver((entries) => { this.onScreen = entries[entries.length - 1].isIntersecting; this.wake(); });
    this.seen.observe(this.canvas);
    this.size = new ResizeObserver(() => this.wake());
    this.size.observe(this.root);
  }

  controls() {
    const button = (text, title, act) => make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
    this.playButton = button("Play", "Play or pause the replay", () => this.play(!this.playing));
    const flush = button("Next flush", "Go to the next server step of any method", () => this.nextFlush());
    this.scrub = make("input", { type: "range", min: "0", max: "1000", step: "any", value: "0", className: "ftte-scrub" });
    this.scrub.setAttribute("aria-label", "virtual time of the replay");
    this.scrub.addEventListener("input", () => { this.play(false); this.seek(Number(this.scrub.value)); });
    this.faster = make("select", { className: "ftte-select", title: "Virtual seconds per second" });
    this.faster.setAttribute("aria-label", "speed of the replay");
    this.faster.addEventListener("change", () => { this.speed = Number(this.faster.value); this.wake(); });
    this.time = make("output", { className: "ftte-time" });
    return make("div", { className: "ftte-row" }, this.playButton, flush, this.scrub, this.time, this.faster);
  }

  get visible() { return !this.root.hidden; }

  setVisible(on) { this.root.hidden = !on; this.wake(); }

  load(content, buffers) {
    this.devices = content.devices;
    this.kinds = content.kinds;
    this.end = content.end_s;
    this.arms = content.arms.map((arm) => new FleetArm(arm, buffers, content.devices.kind.length));
    this.order = content.devices.kind.map((_, c) => c).sort((a, b) => content.devices.kind[a] - content.devices.kind[b] || a - b);
    this.flash = {};
    this.scrub.max = String(this.end);
    this.setSpeeds(content.typical_s);
    this.legend.replaceChildren(make("span", { className: "ftte-title", textContent: "The fleet" }), ...this.kinds.map((kind) => this.legendEntry(kind)),
      make("span", { className: "ftte-key", textContent: "ring: progress · square: buffer slot, paler the older · ×: update lost · hollow: too little memory" }));
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
    this.faster.replaceChildren(...SPEEDS.map((k) => make("option", { value: String(k * base), textContent: `${Number((k * base).toPrecision(2))} s per s` })));
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

  nextFlush() {
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
    if ((this.playing && this.onScreen !== false) || Object.values(this.flash).some((f) => now - f.at < 450)) this.wake();
  }

  draw(now) {
    const colours = COLOURS[isDark() ? "dark" : "light"];
    const width = this.canvas.parentElement.clientWidth || 600;
    const columns = Math.max(1, Math.min(this.arms.length, Math.floor(width / 240)));
    const paneWidth = (width - 16 * (columns - 1)) / columns;
    const panes = this.arms.map((arm) => this.layout(arm, paneWidth));
    const rows = [];
    for (let k = 0; k < panes.length; k += columns) rows.push(Math.max(...panes.slice(k, k + columns).map((p) => p.height)));
    const height = rows.reduce((a, b) => a + b + 14, 0);
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.height = `${height}px`;
    }
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    this.spots = [];
    const says = [];
    this.arms.forEach((arm, k) => {
      const x = (k % columns) * (paneWidth + 16);
      const y = rows.slice(0, Math.floor(k / columns)).reduce((a, b) => a + b + 14, 0);
      const state = arm.at(this.t);
      this.drawArm(c, arm, state, panes[k], x, y, colours, now);
      says.push(arm.says(state));
    });
    this.drawPicked(c, colours);
    this.tell(says, now);
  }

  layout(arm, width) {
    const n = this.order.length;
    const cell = Math.max(11, Math.min(27, Math.sqrt((width * 150) / n)));
    const perRow = Math.max(1, Math.floor(width / cell));
    const slot = arm.buffer > 60 ? 8 : 14;
    const slotsPerRow = Math.max(1, Math.floor(width / (slot + 3)));
    const slotRows = Math.min(4, Math.ceil(arm.buffer / slotsPerRow));
    const top = 24 + slotRows * (slot + 3) + 12;
    return { cell, perRow, slot, slotsPerRow, slotRows, top, width, height: top + Math.ceil(n / perRow) * cell };
  }

  drawArm(c, arm, state, pane, x, y, colours, now) {
    const busy = state.devices.reduce((sum, d) => sum + (d.phase > 0), 0);
    c.font = "600 13px system-ui, sans-serif";
    c.textBaseline = "alphabetic";
    c.fillStyle = isDark() ? arm.dark : arm.light;
    c.fillText(arm.label, x, y + 13);
    c.font = "12px system-ui, sans-serif";
    c.fillStyle = colours.ink;
    const wide = pane.width > 330;
    const text = wide ? `version ${state.version} · buffer ${state.buffer.length} of ${arm.buffer} · ${busy} at work`
      : `v${state.version} · ${state.buffer.length}/${arm.buffer} · ${busy} at work`;
    c.fillText(text, x + 68, y + 13);
    const flash = this.flashOf(arm, state.version, now);
    this.drawSlots(c, arm, state, pane, x, y + 22, colours, flash);
    this.order.forEach((client, k) => {
      const cx = x + (k % pane.perRow + 0.5) * pane.cell, cy = y + pane.top + (Math.floor(k / pane.perRow) + 0.5) * pane.cell;
      this.drawDevice(c, arm, state.devices[client], client, cx, cy, pane, colours);
      this.spots.push({ arm, client, x: cx, y: cy, r: pane.cell / 2, device: state.devices[client], version: state.version });
    });
    this.drawFlights(c, arm, state, pane, x, y, colours);
  }

  flashOf(arm, version, now) {
    const known = this.flash[arm.name];
    if (!known) this.flash[arm.name] = { version, at: -1e9 };
    else if (known.version !== version) this.flash[arm.name] = { version, at: version > known.version ? now : -1e9 };
    return Math.max(0, 1 - (now - this.flash[arm.name].at) / 400);
  }

  slotPlace(pane, k, x, y) {
    const shown = pane.slotsPerRow * pane.slotRows;
    const at = Math.min(k, shown - 1);
    return [x + (at % pane.slotsPerRow) * (pane.slot + 3), y + Math.floor(at / pane.slotsPerRow) * (pane.slot + 3)];
  }

  drawSlots(c, arm, state, pane, x, y, colours, flash) {
    for (let k = 0; k < Math.min(arm.buffer, pane.slotsPerRow * pane.slotRows); k++) {
      const [sx, sy] = this.slotPlace(pane, k, x, y);
      const p = state.buffer[k];
      c.globalAlpha = 1;
      c.fillStyle = colours.empty;
      c.fillRect(sx, sy, pane.slot, pane.slot);
      if (p !== undefined) {
        c.globalAlpha = (1 + state.version - arm.version[p]) ** -0.5;
        c.fillStyle = this.kinds[this.devices.kind[arm.client[p]]].colour;
        c.fillRect(sx, sy, pane.slot, pane.slot);
      }
      if (flash > 0) {
        c.globalAlpha = flash;
        c.fillStyle = colours.line;
        c.fillRect(sx, sy, pane.slot, pane.slot);
      }
    }
    c.globalAlpha = 1;
  }

  drawDevice(c, arm, device, client, x, y, pane, colours) {
    const kind = this.kinds[this.devices.kind[client]];
    const r = pane.cell * 0.23;
    const fits = this.devices.memory[client] >= arm.need;
    c.save();
    c.translate(x, y);
    c.globalAlpha = device.phase ? 1 : arm.eligible[client] ? 0.35 : 0.1;
    c.beginPath();
    SHAPE_PATHS[kind.shape](c, r);
    c.fillStyle = c.strokeStyle = kind.colour;
    if (fits) c.fill(); else { c.lineWidth = 1.4; c.stroke(); } // hollow: its memory is too small for this step
    c.globalAlpha = 1;
    if (device.phase) {
      const ring = pane.cell * 0.4;
      c.lineWidth = Math.max(1.5, pane.cell * 0.09);
      c.strokeStyle = colours.ring;
      c.beginPath(); c.arc(0, 0, ring, 0, 2 * Math.PI); c.stroke();
      c.strokeStyle = colours.phases[device.phase];
      c.beginPath(); c.arc(0, 0, ring, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * device.progress); c.stroke();
    } else if (device.lost) {
      c.strokeStyle = colours.line;
      c.lineWidth = 1.5;
      c.beginPath(); c.moveTo(-r, -r); c.lineTo(r, r); c.moveTo(r, -r); c.lineTo(-r, r); c.stroke();
    }
    c.restore();
  }

  // An update that is being uploaded travels from its device to the slot it will fill.
  drawFlights(c, arm, state, pane, x, y, colours) {
    this.order.forEach((client, k) => {
      const device = state.devices[client];
      if (device.phase !== 3 || arm.fate[device.p] > FATE.buffered) return;
      const p = device.p, span = arm.arrival[p] - arm.computed[p];
      const share = span > 0 ? Math.min(1, (this.t - arm.computed[p]) / span) : 1;
      const [sx, sy] = this.slotPlace(pane, state.buffer.length, x, y + 22);
      const fromX = x + (k % pane.perRow + 0.5) * pane.cell, fromY = y + pane.top + (Math.floor(k / pane.perRow) + 0.5) * pane.cell;
      const ease = share * share * (3 - 2 * share);
      c.globalAlpha = 0.9;
      c.fillStyle = this.kinds[this.devices.kind[client]].colour;
      c.fillRect(fromX + (sx + pane.slot / 2 - fromX) * ease - 3, fromY + (sy + pane.slot / 2 - fromY) * ease - 3, 6, 6);
      c.globalAlpha = 1;
    });
  }

  tell(says, now) {
    this.time.textContent = clock(this.t);
    if (this.playing || document.activeElement !== this.scrub) this.scrub.value = String(this.t);
    this.scrub.setAttribute("aria-valuetext", clock(this.t));
    if (!this.playing || now - (this.toldAt || 0) > 250) {
      this.toldAt = now;
      this.words.textContent = `The fleet at ${spoken(this.t)} of virtual time: ${says.join("; ")}.`;
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
    this.seen.disconnect();
    this.size.disconnect();
  }
}
