// Who does what at a virtual moment: the same rules as ftte_lab.server.snapshot, for every frame of the canvas.

const PHASES = ["idle", "download", "compute", "upload"];
const FATE = { applied: 0, buffered: 1, dropped: 2, stale: 3, aborted: 4, running: 5 };

// Number of entries of an ascending array that are <= t.
function countUntil(values, t) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= t) low = middle + 1; else high = middle;
  }
  return low;
}

class FleetArm {
  constructor(content, buffers, clients) {
    Object.assign(this, content);
    const at = content.columns;
    for (const key of ["start", "downloaded", "computed", "arrival", "freed", "step_s"]) this[key] = floats(buffers[at[key]]);
    for (const key of ["client", "fate", "version", "step"]) this[key] = ints(buffers[at[key]]);
    this.mine = Array.from({ length: clients }, () => []);
    this.members = Array.from({ length: this.step_s.length + 1 }, () => []);
    for (let p = 0; p < this.client.length; p++) {
      this.mine[this.client[p]].push(p);
      const kept = this.fate[p] === FATE.applied || this.fate[p] === FATE.buffered;
      const step = this.step[p] < 0 ? this.step_s.length : this.step[p];
      if (kept && step <= this.step_s.length) this.members[step].push(p); // a long run is cut: later steps are missing
    }
    for (const list of this.members) list.sort((a, b) => this.arrival[a] - this.arrival[b] || a - b);
    this.starts = this.mine.map((list) => Float32Array.from(list, (p) => this.start[p]));
  }

  at(t) {
    const version = countUntil(this.step_s, t);
    const devices = this.mine.map((list, client) => this.device(client, list, t));
    const buffer = (this.members[version] || []).filter((p) => this.arrival[p] <= t);
    return { version, devices, buffer };
  }

  device(client, list, t) {
    const visits = countUntil(this.starts[client], t);
    if (!visits) return { phase: 0, progress: 0, p: -1, lost: false, visits };
    const p = list[visits - 1];
    if (this.freed[p] <= t) {
      const lost = this.fate[p] >= FATE.dropped && this.fate[p] <= FATE.aborted;
      return { phase: 0, progress: 0, p: -1, lost, visits };
    }
    const phase = 1 + (this.downloaded[p] <= t) + (this.computed[p] <= t);
    const progress = (t - this.start[p]) / Math.max(this.arrival[p] - this.start[p], 1e-9);
    return { phase, progress, p, lost: false, visits };
  }

  // The same clause as the sentence of the printed chart (ftte_lab/charts/fleet.py).
  describe(state) {
    const counts = [0, 0, 0, 0];
    for (const d of state.devices) counts[d.phase] += 1;
    const doing = PHASES.map((name, k) => (k && counts[k] ? `${counts[k]} in ${name}` : "")).filter(Boolean).join(", ");
    return `${this.label} has made ${state.version} steps, its buffer holds ${state.buffer.length} of ${this.buffer}, `
      + (doing || "nobody at work");
  }
}
