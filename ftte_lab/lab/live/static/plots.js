// Small line charts of the tools: an axis with units, lines, dots and names at their ends.

const PLOT = { left: 52, right: 104, top: 12, bottom: 44 };

// The name space of SVG, which the browser knows.
const SVG_SPACE = new DOMParser().parseFromString("<svg></svg>", "text/html").querySelector("svg").namespaceURI;

function svgNode(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG_SPACE, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Round steps of an axis from 0 or another low end up to a high one.
function plotTicks(low, high, most = 5) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) ticks.push(Number(v.toPrecision(12)));
  return ticks;
}

function plotNumber(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: size < 100 && digits === 1 ? 1 : 0 });
}

class Plot {
  // values and texts: the places on the horizontal axis; ends: of the vertical one.
  constructor({ width, height, values, texts, ends, xLabel, yLabel, name }) {
    Object.assign(this, { width, height, values, ends });
    this.wide = values[0] > 0 && values[values.length - 1] / values[0] >= 8;
    this.svg = svgNode("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "ftte-plot", role: "group", "aria-label": name });
    this.bottom = height - PLOT.bottom;
    this.right = width - PLOT.right;
    for (const tick of plotTicks(...ends)) {
      const y = this.y(tick);
      this.svg.append(svgNode("line", { x1: PLOT.left, x2: this.right, y1: y, y2: y, class: "ftte-plot-grid" }),
        this.text(PLOT.left - 6, y + 4, tick.toLocaleString("en"), "end"));
    }
    this.svg.append(svgNode("line", { x1: PLOT.left, x2: this.right, y1: this.bottom, y2: this.bottom, class: "ftte-plot-axis" }));
    let free = -Infinity;
    values.forEach((value, k) => {
      const x = this.x(value), half = 3.4 * texts[k].length;
      this.svg.append(svgNode("line", { x1: x, x2: x, y1: this.bottom, y2: this.bottom + 4, class: "ftte-plot-axis" }));
      if (x - half < free) return;
      free = x + half + 5;
      this.svg.append(this.text(x, this.bottom + 17, texts[k], "middle"));
    });
    this.svg.append(this.text((PLOT.left + this.right) / 2, height - 8, xLabel, "middle", "ftte-plot-title"));
    const title = this.text(0, 0, yLabel, "middle", "ftte-plot-title");
    title.setAttribute("transform", `translate(13,${(PLOT.top + this.bottom) / 2}) rotate(-90)`);
    this.svg.append(title);
  }

  x(value) {
    const place = (v) => (this.wide ? Math.log(v) : v);
    const low = place(this.values[0]), high = place(this.values[this.values.length - 1]);
    const inner = this.right - PLOT.left - 24;
    return PLOT.left + 12 + (high > low ? (inner * (place(value) - low)) / (high - low) : inner / 2);
  }

  y(value) {
    const [low, high] = this.ends;
    return this.bottom - ((this.bottom - PLOT.top) * (value - low)) / (high - low || 1);
  }

  text(x, y, words, anchor = "start", name = "ftte-plot-text") {
    return svgNode("text", { x, y, "text-anchor": anchor, class: name }, words);
  }

  // A line through the points that are there; a gap where one is not.
  line(points, colour, dash = []) {
    let pen = "M", path = "";
    for (const [value, height] of points) {
      if (height === null) { pen = "M"; continue; }
      path += `${pen}${this.x(value).toFixed(1)},${this.y(height).toFixed(1)}`;
      pen = "L";
    }
    if (path) this.svg.append(svgNode("path", { d: path, fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash.length > 1 && dash[1] ? dash.join(" ") : "none" }));
  }

  // The area between two rows of points.
  band(points, colour) {
    const known = points.filter(([, low, high]) => low !== null && high !== null);
    if (known.length < 2) return;
    const there = known.map(([v, low]) => `${this.x(v).toFixed(1)},${this.y(low).toFixed(1)}`);
    const back = known.slice().reverse().map(([v, , high]) => `${this.x(v).toFixed(1)},${this.y(high).toFixed(1)}`);
    this.svg.append(svgNode("path", { d: `M${there.join("L")}L${back.join("L")}Z`, fill: colour, opacity: 0.14 }));
  }

  dot(value, height, colour, hollow = false, r = 3.5) {
    this.svg.append(svgNode("circle", { cx: this.x(value), cy: this.y(height), r, fill: hollow ? "var(--jp-layout-color1, #fff)" : colour, stroke: colour, "stroke-width": 1.5 }));
  }

  rule(height, words) {
    const y = this.y(height);
    this.svg.append(svgNode("line", { x1: PLOT.left, x2: this.right, y1: y, y2: y, class: "ftte-plot-rule" }), this.text(this.right + 6, y + 4, words));
  }

  // Names at the ends of lines, moved apart where they would overlap.
  names(labels) {
    const sorted = labels.filter((one) => one.height !== null).sort((a, b) => b.height - a.height);
    let free = -Infinity;
    for (const { words, height, colour } of sorted) {
      const y = Math.max(this.y(height) + 4, free);
      free = y + 14;
      const node = this.text(this.right + 6, y, words, "start", "ftte-plot-name");
      node.style.fill = colour;
      this.svg.append(node);
    }
  }

  // A column that can be pressed by mouse and keyboard.
  column(value, words, act) {
    const x = this.x(value), half = 11;
    const node = svgNode("rect", { x: x - half, y: PLOT.top, width: 2 * half, height: this.bottom - PLOT.top, class: "ftte-plot-column", tabindex: 0, role: "button", "aria-label": words }, svgNode("title", {}, words));
    node.addEventListener("click", act);
    node.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); act(); } });
    this.svg.append(node);
    return node;
  }
}

// What the forms of the tools are made of.

function choiceOf(name, options, value, change) {
  const select = make("select", { className: "ftte-select" }, ...options.map(([id, text]) => make("option", { value: id, textContent: text })));
  select.setAttribute("aria-label", name);
  if (value !== undefined) select.value = value;
  if (change) select.addEventListener("change", change);
  return select;
}

function numberBox(name, value, low, high, step = "any") {
  const box = make("input", { type: "number", className: "ftte-select ftte-number", min: String(low), max: String(high), step: String(step), value: value === null ? "" : String(value) });
  box.setAttribute("aria-label", name);
  return box;
}

function pressButton(text, title, act) {
  return make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
}

// Give a select new options and keep what was chosen, if it is still there.
function renewOptions(select, options, fallback) {
  const before = select.value;
  select.replaceChildren(...options.map(([id, text]) => make("option", { value: id, textContent: text })));
  const ids = options.map(([id]) => id);
  select.value = ids.includes(before) ? before : ids.includes(fallback) ? fallback : ids[0];
}

function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 90) return `, about ${Math.max(1, Math.round(seconds))} s left`;
  return `, about ${Math.round(seconds / 60)} min left`;
}
