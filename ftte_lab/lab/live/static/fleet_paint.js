// How one method's fleet is painted: the buffer's slots, a mark with a ring per device, updates on their way.

function polygon(c, r, corners) {
  corners.forEach(([x, y], k) => (k ? c.lineTo(r * x, r * y) : c.moveTo(r * x, r * y)));
  c.closePath();
}

// The shapes of ftte_lab/charts/palette.py.
const SHAPE_PATHS = {
  circle: (c, r) => c.arc(0, 0, r, 0, 2 * Math.PI),
  square: (c, r) => c.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  diamond: (c, r) => { c.moveTo(0, -1.15 * r); c.lineTo(r, 0); c.lineTo(0, 1.15 * r); c.lineTo(-r, 0); c.closePath(); },
  cross: (c, r) => { c.rect(-r, -0.38 * r, 2 * r, 0.76 * r); c.rect(-0.38 * r, -r, 0.76 * r, 2 * r); },
  "triangle-up": (c, r) => { c.moveTo(0, -1.1 * r); c.lineTo(r, 0.8 * r); c.lineTo(-r, 0.8 * r); c.closePath(); },
  "triangle-down": (c, r) => { c.moveTo(0, 1.1 * r); c.lineTo(r, -0.8 * r); c.lineTo(-r, -0.8 * r); c.closePath(); },
  "triangle-left": (c, r) => { c.moveTo(-1.1 * r, 0); c.lineTo(0.8 * r, -r); c.lineTo(0.8 * r, r); c.closePath(); },
  "triangle-right": (c, r) => { c.moveTo(1.1 * r, 0); c.lineTo(-0.8 * r, -r); c.lineTo(-0.8 * r, r); c.closePath(); },
  star: (c, r) => polygon(c, 1.2 * r, [[0, -1], [0.26, -0.36], [0.95, -0.31], [0.42, 0.14], [0.59, 0.81], [0, 0.45], [-0.59, 0.81], [-0.42, 0.14], [-0.95, -0.31], [-0.26, -0.36]]),
  hexagon: (c, r) => polygon(c, r, [[-0.5, -0.87], [0.5, -0.87], [1, 0], [0.5, 0.87], [-0.5, 0.87], [-1, 0]]),
  hourglass: (c, r) => polygon(c, r, [[-0.85, -0.9], [0.85, -0.9], [-0.85, 0.9], [0.85, 0.9]]),
  bow: (c, r) => polygon(c, r, [[-0.95, -0.8], [0.95, 0.8], [0.95, -0.8], [-0.95, 0.8]]),
  pentagon: (c, r) => polygon(c, 1.1 * r, [[0, -1], [0.95, -0.31], [0.59, 0.81], [-0.59, 0.81], [-0.95, -0.31]]),
};
// Colour means a method or a kind of device; what a device does is a grey, a ring, a hollow mark.
const COLOURS = {
  light: { idle: 0.5, ink: "#333", soft: "#666", empty: "#DDD", ring: "#E4E4E4", line: "#333",
    phases: ["", "#B0B0B0", "#444", "#808080"] },
  dark: { idle: 0.85, ink: "#E4E4E4", soft: "#A5A5A5", empty: "#3A3A3A", ring: "#3A3A3A", line: "#E4E4E4",
    phases: ["", "#6A6A6A", "#D8D8D8", "#9A9A9A"] },
};
const LARGEST_CELL = 27;
const RING_CELL = 9; // a smaller device has a frame instead of a ring
const HEAD = 20; // px of the line of text
const SLOTS = 20; // px for all slots of the buffer
const SLOT_SIZES = [14, 8, 4];

class FleetPainter {
  constructor() { this.flash = {}; this.resting = new Map(); }

  // Set what is on the canvas now: devices of a fleet, its kinds, the virtual moment, px per point.
  show(devices, kinds, order, t, ratio = 1) {
    if (devices !== this.devices) this.resting.clear();
    Object.assign(this, { devices, kinds, order, t, ratio });
  }

  // A pane of a given size, however many devices and slots: more of them are drawn smaller.
  layout(arm, width, height) {
    const n = this.order.length;
    const fits = (slot) => {
      const perRow = Math.max(1, Math.floor((width + slot / 4) / (slot * 1.25)));
      return perRow * Math.max(1, Math.floor((SLOTS + slot / 4) / (slot * 1.25)));
    };
    const slot = SLOT_SIZES.find((size) => fits(size) >= arm.buffer) || SLOT_SIZES.at(-1);
    const gap = slot / 4, slotsPerRow = Math.max(1, Math.floor((width + gap) / (slot + gap)));
    const slotRows = Math.max(1, Math.floor((SLOTS + gap) / (slot + gap)));
    const top = HEAD + SLOTS + 8, room = Math.max(20, height - top);
    let cell = Math.min(LARGEST_CELL, width, room);
    const taken = () => Math.ceil(n / Math.floor(width / cell)) * cell;
    while (taken() > room && cell > 1) cell *= 0.98;
    const perRow = Math.max(1, Math.floor(width / cell));
    return { cell, perRow, slot, gap, slotsPerRow, slotRows, top, width, height };
  }

  drawArm(c, arm, state, pane, x, y, colours, now, spots) {
    this.drawHead(c, arm, state, pane, x, y, colours);
    const flash = this.flashOf(arm, state.version, now);
    this.drawSlots(c, arm, state, pane, x, y + HEAD, colours, flash);
    this.drawResting(c, arm, pane, x, y + pane.top, colours);
    this.order.forEach((client, k) => {
      const [cx, cy] = this.place(pane, k, x, y), device = state.devices[client];
      if (device.phase || device.lost) {
        const half = pane.cell / 2;
        c.clearRect(cx - half, cy - half, pane.cell, pane.cell);
        this.drawDevice(c, arm, device, client, cx, cy, pane, colours);
      }
      spots.push({ arm, client, x: cx, y: cy, r: pane.cell / 2, device, version: state.version });
    });
    this.drawFlights(c, arm, state, pane, x, y, colours);
  }

  drawHead(c, arm, state, pane, x, y, colours) {
    const busy = state.devices.reduce((sum, d) => sum + (d.phase > 0), 0);
    c.font = "600 13px system-ui, sans-serif";
    c.textBaseline = "alphabetic";
    c.fillStyle = isDark() ? arm.dark : arm.light;
    c.fillText(arm.label, x, y + 13, pane.width);
    const at = Math.max(56, c.measureText(arm.label).width) + 10, left = pane.width - at;
    c.font = "12px system-ui, sans-serif";
    c.fillStyle = colours.ink;
    const count = state.buffer.length;
    const texts = [
      `version ${state.version} · buffer ${count} of ${arm.buffer} · ${busy} at work`,
      `v${state.version} · ${count}/${arm.buffer} · ${busy} at work`,
      `v${state.version} · ${count}/${arm.buffer}`,
      `v${state.version}`,
    ];
    const text = texts.find((one) => c.measureText(one).width <= left);
    if (text) c.fillText(text, x + at, y + 13);
  }

  place(pane, k, x, y) {
    const row = Math.floor(k / pane.perRow);
    return [x + (k % pane.perRow + 0.5) * pane.cell, y + pane.top + (row + 0.5) * pane.cell];
  }

  // All devices at rest are one picture, painted again only when its size or the theme changes.
  drawResting(c, arm, pane, x, y, colours) {
    const rows = Math.ceil(this.order.length / pane.perRow);
    const width = Math.ceil(pane.width), height = Math.ceil(rows * pane.cell) + 1;
    const key = [width, height, pane.cell, this.ratio, colours.ink].join(" ");
    let kept = this.resting.get(arm);
    if (!kept || kept.key !== key) {
      const canvas = make("canvas", { width: width * this.ratio, height: height * this.ratio });
      const own = canvas.getContext("2d");
      own.scale(this.ratio, this.ratio);
      const idle = { phase: 0, lost: false };
      this.order.forEach((client, k) => {
        const [cx, cy] = this.place({ ...pane, top: 0 }, k, 0, 0);
        this.drawDevice(own, arm, idle, client, cx, cy, pane, colours);
      });
      kept = { key, canvas };
      this.resting.set(arm, kept);
    }
    c.drawImage(kept.canvas, x, y, width, height);
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
    return [x + (at % pane.slotsPerRow) * (pane.slot + pane.gap), y + Math.floor(at / pane.slotsPerRow) * (pane.slot + pane.gap)];
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
    const kind = this.kinds[this.devices.kind[client]], small = pane.cell < RING_CELL;
    const r = pane.cell * (small ? 0.36 : 0.23);
    const fits = this.devices.memory[client] >= arm.need;
    c.save();
    c.translate(x, y);
    c.globalAlpha = device.phase ? 1 : arm.eligible[client] ? colours.idle : 0.3 * colours.idle;
    c.beginPath();
    if (small) c.rect(-r, -r, 2 * r, 2 * r); else SHAPE_PATHS[kind.shape](c, r);
    c.fillStyle = c.strokeStyle = kind.colour;
    c.lineWidth = Math.min(1.4, pane.cell * 0.2);
    if (fits) c.fill(); else c.stroke(); // hollow: its memory is too small for this step
    c.globalAlpha = 1;
    if (device.phase && small) {
      c.strokeStyle = colours.phases[device.phase];
      c.lineWidth = Math.max(0.5, pane.cell * 0.16);
      c.strokeRect(-pane.cell * 0.42, -pane.cell * 0.42, pane.cell * 0.84, pane.cell * 0.84);
    } else if (device.phase) this.drawRing(c, device, pane, colours);
    else if (device.lost) {
      c.strokeStyle = colours.line;
      c.lineWidth = Math.min(1.5, pane.cell * 0.2);
      c.beginPath(); c.moveTo(-r, -r); c.lineTo(r, r); c.moveTo(r, -r); c.lineTo(-r, r); c.stroke();
    }
    c.restore();
  }

  drawRing(c, device, pane, colours) {
    const ring = pane.cell * 0.4, begin = -Math.PI / 2;
    c.lineWidth = Math.max(1.5, pane.cell * 0.09);
    c.strokeStyle = colours.ring;
    c.beginPath(); c.arc(0, 0, ring, 0, 2 * Math.PI); c.stroke();
    c.strokeStyle = colours.phases[device.phase];
    c.beginPath(); c.arc(0, 0, ring, begin, begin + 2 * Math.PI * device.progress); c.stroke();
  }

  // An update that is being uploaded travels from its device to the slot it will fill.
  drawFlights(c, arm, state, pane, x, y, colours) {
    this.order.forEach((client, k) => {
      const device = state.devices[client];
      if (device.phase !== 3 || arm.fate[device.p] > FATE.buffered) return;
      const p = device.p, span = arm.arrival[p] - arm.computed[p];
      const share = span > 0 ? Math.min(1, (this.t - arm.computed[p]) / span) : 1;
      const [sx, sy] = this.slotPlace(pane, state.buffer.length, x, y + HEAD);
      const [fromX, fromY] = this.place(pane, k, x, y), size = Math.min(6, pane.cell * 0.6);
      const ease = share * share * (3 - 2 * share);
      c.globalAlpha = 0.9;
      c.fillStyle = this.kinds[this.devices.kind[client]].colour;
      const flyX = fromX + (sx + pane.slot / 2 - fromX) * ease, flyY = fromY + (sy + pane.slot / 2 - fromY) * ease;
      c.fillRect(flyX - size / 2, flyY - size / 2, size, size);
      c.globalAlpha = 1;
    });
  }

  flashing(now) { return Object.values(this.flash).some((f) => now - f.at < 450); }
}
