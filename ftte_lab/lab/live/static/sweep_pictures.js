// The pictures of a sweep: curves over one knob, a heat map over two.

// All cells in the kernel's order, the last knob fastest: values and texts.
function sweepCells(axes) {
  return axes.reduce((cells, axis) => cells.flatMap((cell) => axis.values.map((value, k) => (
    { values: [...cell.values, value], texts: [...cell.texts, axis.texts[k]] }))), [{ values: [], texts: [] }]);
}

// What a cell holds, in a word: its number, why there is none, or that none is there yet.
function sweepWord(found, reason) {
  if (reason) return "×";
  if (!found) return "";
  return found[0] === null ? "not reached" : plotNumber(found[0]);
}

function sweepCurves(tool, message, figure) {
  const [axis] = message.axes;
  const width = Math.min(820, tool.box.clientWidth);
  const all = message.methods.flatMap((m) => figure.cells[m.name]).filter(Boolean).flatMap((c) => c.slice(0, 3)).filter((v) => v !== null);
  const percent = figure.name === "accuracy";
  const low = percent && all.length ? Math.max(0, Math.floor(Math.min(...all) / 10) * 10) : 0;
  const high = percent ? 100 : Math.max(...all, 0.001) * 1.08;
  const plot = new Plot({
    width, height: 290, values: axis.values, texts: axis.texts, ends: [low, high], xLabel: axis.label, yLabel: figure.label, name: `${figure.label} over ${axis.label}`,
  });
  if (percent) plot.rule(message.target, `target ${plotNumber(message.target)} %`);
  const labels = [];
  for (const method of message.methods) {
    const colour = method.colours[isDark() ? 1 : 0];
    const cells = figure.cells[method.name];
    plot.band(axis.values.map((v, k) => [v, cells[k]?.[1] ?? null, cells[k]?.[2] ?? null]), colour);
    plot.line(axis.values.map((v, k) => [v, cells[k]?.[0] ?? null]), colour, method.dash);
    axis.values.forEach((v, k) => { if (cells[k] && cells[k][0] !== null) plot.dot(v, cells[k][0], colour, cells[k][3] < message.seeds); });
    const last = cells.filter((c) => c && c[0] !== null).pop();
    labels.push({ words: method.label, height: last ? last[0] : null, colour });
  }
  plot.names(labels);
  axis.values.forEach((value, k) => {
    const x = plot.x(value);
    if (tool.isHere(message, [value])) plot.svg.append(plot.text(x, plot.bottom - 4, "◂ here", "start"));
    message.methods.forEach((method, n) => {
      const found = figure.cells[method.name][k], reason = method.reasons[k];
      if (!reason && (!found || found[0] !== null)) return;
      const mark = plot.text(x, PLOT.top + 9 + 13 * n, reason ? "×" : "▵", "middle", "ftte-plot-name");
      mark.style.fill = method.colours[isDark() ? 1 : 0];
      plot.svg.append(mark);
    });
    const words = message.methods.map((m) => `${m.label} ${sweepWord(figure.cells[m.name][k], m.reasons[k]) || "not run yet"}`).join(", ");
    plot.column(value, `${axis.label} ${axis.texts[k]}: ${words}`, () => tool.visit(k)).dataset.cell = String(k);
  });
  return plot.svg;
}

function sweepKey(message, figure) {
  const key = [["Line", `median of ${message.seeds} seeds`], ["band", "from the best to the worst"]];
  if (message.methods.some((m) => figure.cells[m.name].some((c) => c && c[3] < message.seeds))) key.push(["hollow", "seeds are missing"]);
  if (message.methods.some((m) => figure.cells[m.name].some((c) => c && c[0] === null))) key.push(["▵", "target not reached"]);
  const reason = message.methods.flatMap((m) => m.reasons).find(Boolean);
  if (reason) key.push(["×", reason]);
  return make("p", { className: "ftte-note ftte-find-key", textContent: key.map((k) => k.join(": ")).join("   ") });
}

function heatMap(tool, message, figure) {
  const [down, across] = message.axes;
  const method = message.methods.find((m) => m.name === tool.method.value);
  const cells = figure.cells[method.name];
  const reached = message.figures.find((f) => f.name === "time").cells[method.name].map((c) => Boolean(c && c[0] !== null));
  const known = cells.filter((c) => c && c[0] !== null).map((c) => c[0]);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const colour = method.colours[isDark() ? 1 : 0];
  const columns = across.values.length;
  const table = make("table", { className: "ftte-sweep-heat" });
  table.setAttribute("aria-label", `${figure.label} of ${method.label}, ${down.label} by ${across.label}`);
  const top = make("tr", {}, make("th", { className: "ftte-sweep-corner", scope: "col", textContent: down.label }),
    ...across.texts.map((text) => make("th", { scope: "col", textContent: text })));
  const body = down.values.map((value, r) => make("tr", {}, make("th", { scope: "row", textContent: down.texts[r] }),
    ...across.values.map((other, c) => {
      const k = r * columns + c;
      const found = cells[k], reason = method.reasons[k];
      const word = sweepWord(found, reason);
      const button = make("button", { type: "button", className: "ftte-sweep-cell", textContent: word === "not reached" ? "–" : word });
      button.dataset.cell = String(k);
      button.title = `${down.label} ${down.texts[r]}, ${across.label} ${across.texts[c]}: ${reason || word || "not run yet"}${found ? `; ${found[3]} of ${message.seeds} seeds` : ""}`;
      button.setAttribute("aria-label", button.title);
      if (found && found[0] !== null) {
        const share = most > least ? (found[0] - least) / (most - least) : 0.5;
        button.style.background = `color-mix(in srgb, ${colour} ${Math.round(8 + 52 * (figure.less ? 1 - share : share))}%, transparent)`;
      }
      // The contour: a thick line between cells that reach the target and those that do not.
      const edges = [r > 0 && k - columns, c < columns - 1 && k + 1, r < down.values.length - 1 && k + columns, c > 0 && k - 1];
      const sides = edges.map((other2) => reached[k] && other2 !== false && cells[other2] !== undefined && !reached[other2]);
      button.style.borderWidth = sides.map((side) => (side ? "3px" : "1px")).join(" ");
      button.style.borderColor = sides.map((side) => (side ? "var(--jp-ui-font-color1, #333)" : "var(--jp-border-color3, #e6e6e6)")).join(" ");
      button.classList.toggle("ftte-sweep-partial", Boolean(found) && found[3] < message.seeds);
      if (tool.isHere(message, [value, other])) { button.classList.add("ftte-sweep-here"); button.setAttribute("aria-current", "true"); }
      button.addEventListener("click", () => tool.visit(k));
      button.addEventListener("keydown", (event) => heatKey(table, event, k, columns));
      return make("td", {}, button);
    })));
  table.append(make("caption", { textContent: across.label }), make("thead", {}, top), make("tbody", {}, ...body));
  const words = ["Thick line: the target is reached inside", "–: not reached", "×: no subset fits", "italic: seeds are missing", "ring: the Lab is here"];
  return make("div", { className: "ftte-sweep-scroll" }, table, make("p", { className: "ftte-note ftte-find-key", textContent: words.join("   ") }));
}

// Arrow keys move between cells.
function heatKey(table, event, k, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (!step) return;
  event.preventDefault();
  table.querySelector(`[data-cell="${k + step}"]`)?.focus();
}
