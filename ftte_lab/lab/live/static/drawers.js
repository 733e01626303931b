// Tools: each has a button in the toolbar and a drawer below it. One drawer is open at a time.

const TOOLS = []; // {name, text, title, tool: class}, filled by the tools' own scripts

// What a tool may use of the page.
class ToolHost {
  constructor(stage, name) {
    this.stage = stage;
    this.name = name;
  }

  send(content, buffers) { this.stage.outbox.send({ ...content, tool: this.name }, buffers); }

  open() { this.stage.drawers.open(this.name); }

  close() { this.stage.drawers.open(null); }

  get isOpen() { return this.stage.drawers.opened === this.name; }

  get kiosk() { return Boolean(this.stage.kiosk); }

  // The knobs of the page: their names in the kit, and their texts.
  knobs() { return knobsOf(this.stage); }

  // The element of a knob, a panel, the scoreboard or the fleet, to point at it.
  place(name) { return placeOf(this.stage, name); }

  file(name, mime, text) { this.stage.file({ name, mime }, text); }
}

class Drawers {
  constructor(stage) {
    this.stage = stage;
    this.opened = null;
    this.tools = {};
    this.drawers = {};
    this.root = make("div", { className: "ftte-drawers" });
  }

  // Show the tools that the kernel's side has.
  show(names) {
    const known = names.map((name) => TOOLS.find((one) => one.name === name));
    for (const { name, text, title, tool } of known.filter((one) => one && !this.tools[one.name])) {
      const made = new tool(new ToolHost(this.stage, name));
      this.tools[name] = made;
      const error = make("p", { className: "ftte-error", hidden: true });
      error.setAttribute("role", "alert");
      this.add(name, text, title, made.root, error);
    }
  }

  add(name, text, title, root, error) {
    const drawer = make("section", { className: `ftte-drawer ftte-drawer-${name}`, hidden: true }, ...(error ? [error] : []), root);
    drawer.setAttribute("aria-label", text);
    drawer.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      this.open(null);
      this.stage.toolbar.buttons[name].focus();
    });
    this.drawers[name] = { drawer, error };
    this.root.append(drawer);
    this.stage.toolbar.addDrawer(name, text, title, () => this.open(this.opened === name ? null : name));
  }

  open(name) {
    this.opened = name;
    for (const [key, { drawer }] of Object.entries(this.drawers)) {
      drawer.hidden = key !== name;
      this.stage.toolbar.buttons[key].setAttribute("aria-expanded", String(key === name));
    }
    const tool = this.tools[name];
    if (tool && tool.opened) tool.opened();
  }

  receive(message, buffers) {
    const { tool, part, text } = message;
    if (part !== "error") { if (this.tools[tool]) this.tools[tool].receive(message, buffers); return; }
    const found = this.drawers[tool];
    if (!found) return;
    found.error.textContent = text;
    found.error.hidden = !text;
  }

  close() {
    for (const tool of Object.values(this.tools)) if (tool.destroy) tool.destroy();
  }
}
