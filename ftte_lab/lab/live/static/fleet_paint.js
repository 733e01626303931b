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
const COLOURS = {
  light: { ink: "#333", soft: "#777", empty: "#ECECEC", ring: "#E4E4E4", line: "#D55E00", phases: ["", "#9CC5E3", "#0072B2", "#E69F00"] },
  dark: { ink: "#E4E4E4", soft: "#A5A5A5", empty: "#333", ring: "#3A3A3A", line: "#FF8A3D", phases: ["", "#3E6C8E", "#56B4E9", "#E69F00"] },
};

class FleetPainter {
  constructor() { this.flash = {}; }

  // Set what is on the canvas now: the devices of a fleet, its kinds, and the virtual moment.
  show(devices, kinds, order, t) { Object.assign(this, { devices, kinds, order, t }); }

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

  drawArm(c, arm, state, pane, x, y, colours, now, spots) {
    const busy = state.devices.reduce((sum, d) => sum + (d.phase > 0), 0);
    c.font = "600 13px system-ui, sans-serif";
    c.textBaseline = "alphabetic";
    c.fillStyle = isDark() ? arm.dark : arm.light;
    c.fillText(arm.label, x, y + 13);
    const labelWidth = Math.max(56, c.measureText(arm.label).width);
    c.font = "12px system-ui, sans-serif";
    c.fillStyle = colours.ink;
    const wide = pane.width > 330;
    const text = wide ? `version ${state.version} · buffer ${state.buffer.length} of ${arm.buffer} · ${busy} at work`
      : `v${state.version} · ${state.buffer.length}/${arm.buffer} · ${busy} at work`;
    c.fillText(text, x + labelWidth + 12, y + 13);
    const flash = this.flashOf(arm, state.version, now);
    this.drawSlots(c, arm, state, pane, x, y + 22, colours, flash);
    this.order.forEach((client, k) => {
      const cx = x + (k % pane.perRow + 0.5) * pane.cell, cy = y + pane.top + (Math.floor(k / pane.perRow) + 0.5) * pane.cell;
      this.drawDevice(c, arm, state.devices[client], client, cx, cy, pane, colours);
      spots.push({ arm, client, x: cx, y: cy, r: pane.cell / 2, device: state.devices[client], version: state.version });
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

  flashing(now) { return Object.values(this.flash).some((f) => now - f.at < 450); }
}
