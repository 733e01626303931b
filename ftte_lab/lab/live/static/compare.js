// The table of pinned runs: a row for each method of each run, and its forms for a paper.

class CompareTool {
  constructor(host) {
    this.host = host;
    this.message = { rows: [], columns: [], texts: {} };
    this.empty = make("p", { className: "ftte-words", textContent: "No run is pinned. Press Pin to keep what you see as run A, change a knob, and press Pin again." });
    this.table = make("table", { className: "ftte-compare" });
    this.box = make("div", { className: "ftte-compare-box", tabIndex: 0, role: "region" }, this.table);
    this.box.setAttribute("aria-label", "pinned runs");
    this.heard = make("span", { className: "ftte-note", role: "status" });
    this.take = make("div", { className: "ftte-row" }, "Copy as",
      ...this.buttons((form) => this.copy(form)), "or save as", ...this.buttons((form) => host.send({ action: "save", form })), this.heard);
    this.root = make("div", {}, this.empty, this.box, this.take);
    this.show();
  }

  buttons(act) {
    const forms = [["csv", "CSV"], ["markdown", "Markdown"], ["latex", "LaTeX"]];
    return forms.map(([form, text]) => {
      const node = make("button", { type: "button", className: "ftte-button", textContent: text, onclick: () => act(form) });
      node.dataset.form = form;
      return node;
    });
  }

  receive(message) {
    this.message = message;
    this.show();
  }

  show() {
    const { rows, columns } = this.message;
    this.empty.hidden = rows.length > 0;
    this.box.hidden = this.take.hidden = !rows.length;
    this.root.dataset.rows = String(rows.length);
    const focus = this.table.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const titles = ["run", "what differs from the first", "method", ...columns];
    const head = titles.map((title) => make("th", { scope: "col", textContent: title }));
    this.table.replaceChildren(make("thead", {}, make("tr", {}, ...head)), ...rows.map((row) => this.group(row)));
    if (focus) this.table.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  group(row) {
    const dark = isDark();
    const lines = row.methods.map(({ label, cells, light, dark: darker }) => {
      const name = make("td", { className: "ftte-compare-method", textContent: label });
      name.style.color = dark ? darker : light;
      return make("tr", {}, name, ...cells.map((value) => make("td", { className: "ftte-compare-number", textContent: value })));
    });
    const name = make("input", { type: "text", className: "ftte-compare-name", value: row.name, maxLength: 60, placeholder: "name it" });
    name.setAttribute("aria-label", `name of run ${row.letter}`);
    name.dataset.key = `${row.letter} name`;
    name.addEventListener("change", () => this.host.send({ action: "rename", letter: row.letter, text: name.value }));
    const first = make("th", { scope: "rowgroup", rowSpan: row.methods.length }, make("b", { textContent: row.letter }), name,
      this.act(row, "go", "Go there", `Set the Lab to run ${row.letter}`), this.act(row, "remove", "Remove", `Drop run ${row.letter}`));
    lines[0].prepend(first, make("td", { rowSpan: row.methods.length, className: "ftte-compare-differs", textContent: row.differs }));
    const body = make("tbody", {}, ...lines);
    body.dataset.letter = row.letter;
    body.dataset.called = row.called;
    return body;
  }

  act(row, action, text, title) {
    const node = make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: () => this.host.send({ action, letter: row.letter }) });
    node.setAttribute("aria-label", title);
    node.dataset.key = `${row.letter} ${action}`;
    return node;
  }

  copy(form) {
    copyText(this.message.texts[form] || "");
    this.heard.textContent = `Copied: ${this.message.rows.length} runs.`;
    clearTimeout(this.later);
    this.later = setTimeout(() => { this.heard.textContent = ""; }, 3000);
  }

  destroy() { clearTimeout(this.later); }
}

function copyText(text) {
  const area = make("textarea", { value: text, className: "ftte-hidden" });
  document.body.append(area);
  area.select();
  const fall = () => { area.select(); document.execCommand("copy"); };
  if (navigator.clipboard) navigator.clipboard.writeText(text).catch(fall).finally(() => area.remove());
  else { fall(); area.remove(); }
}

TOOLS.push({ name: "compare", text: "Compare", title: "A table of the pinned runs, for a slide or a paper", tool: CompareTool });
