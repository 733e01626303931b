// The scoreboard: a row per method, each figure with a bar, against FedAvg and against the pinned run.

class ScoreBoard {
  constructor(send) {
    this.send = send;
    this.table = make("table", { className: "ftte-scores" });
    this.verdict = make("p", { className: "ftte-verdict" });
    this.verdict.setAttribute("role", "status");
    this.root = make("section", { className: "ftte-board" }, this.table, this.verdict);
    this.root.setAttribute("aria-label", "scoreboard");
    this.target = make("input", { type: "text", inputMode: "decimal", className: "ftte-target" });
    this.target.setAttribute("aria-label", "target accuracy in percent; empty: 95 % of FedAvg's best");
    this.target.title = "The accuracy to which the methods are timed. Empty: 95 % of FedAvg's best so far.";
    this.target.addEventListener("change", () => send({ action: "view", target: this.target.value }));
  }

  show(message) {
    this.message = message;
    this.root.hidden = !message.rows.length;
    this.root.dataset.rows = String(message.rows.length);
    this.verdict.textContent = message.verdict;
    if (document.activeElement !== this.target) this.target.value = message.target;
    this.target.classList.toggle("ftte-own", Boolean(message.own_target));
    this.head(message);
    this.body(message);
  }

  // The heading is made once per set of columns: a field in it must keep its focus.
  head({ columns }) {
    const key = columns.map((c) => c.title).join();
    if (key === this.headed) return;
    this.headed = key;
    const cells = columns.map((column, k) => {
      const cell = make("th", { scope: "col", title: column.help }, k ? column.title : make("span", {}, "time to ", this.target));
      return cell;
    });
    const method = make("th", { scope: "col" }, make("span", { className: "ftte-hidden", textContent: "method" }));
    const last = make("th", { scope: "col", title: "devices that cannot hold a training step", textContent: "cannot take part" });
    this.rows = make("tbody", {});
    this.table.replaceChildren(make("thead", {}, make("tr", {}, method, ...cells, last)), this.rows);
  }

  body({ rows, columns }) {
    const dark = isDark();
    this.rows.replaceChildren(...rows.map((row) => {
      const colour = dark ? row.dark : row.light;
      const name = make("th", { scope: "row" }, row.label);
      name.style.color = colour;
      const cells = row.cells.map((cell, k) => this.cell(cell, columns[k], colour));
      cells.forEach((cell, k) => { cell.dataset.title = columns[k].title; });
      const left = make("td", { className: row.excluded === "none" ? "ftte-all" : "ftte-left-out", textContent: row.excluded });
      left.dataset.title = "cannot take part";
      const line = make("tr", {}, name, ...cells, left);
      line.dataset.method = row.name;
      return line;
    }));
  }

  cell(cell, column, colour) {
    const bar = make("span", { className: "ftte-bar" });
    bar.setAttribute("aria-hidden", "true");
    if (cell.bar !== null) {
      const fill = make("span", { className: "ftte-bar-fill" });
      fill.style.width = `${100 * Math.min(1, Math.max(0.01, cell.bar))}%`;
      fill.style.background = colour;
      bar.append(fill);
    }
    if (column.mark !== null && column.mark !== undefined) {
      const mark = make("span", { className: "ftte-bar-mark", title: column.authors });
      mark.style.left = `${100 * column.mark}%`;
      bar.append(mark);
    }
    const figures = make("span", { className: "ftte-figures" }, make("b", {}, cell.text));
    if (cell.change) figures.append(make("span", { className: "ftte-change", textContent: cell.change, title: "against FedAvg" }));
    if (cell.pinned) figures.append(make("span", { className: "ftte-change ftte-earlier", textContent: cell.pinned, title: "against the pinned run" }));
    return make("td", {}, figures, bar);
  }
}
