// Whether there still is a kernel that answers this page.

const ENDED = new Set(["dead", "terminating", "restarting", "autorestarting"]);
const LOST = new Set(["disconnected", "connecting"]);
const ENDED_TEXT = "This Lab has ended, because its kernel has. Run the cell again for a new one.";
const LOST_TEXT = "The connection to the kernel is lost. This Lab goes on as soon as it is back.";

class Pulse {
  // Calls `onChange` with a sentence when the kernel has gone, and with "" when it is back.
  constructor(model, onChange) {
    this.model = model;
    this.onChange = onChange;
    this.text = "";
    this.manager = model.widget_manager || {};
    const context = this.manager.context?.sessionContext;
    const kernel = this.manager.kernel;
    this.signals = [[(context || kernel)?.statusChanged, (_, status) => this.status(status)],
      [(context || kernel)?.connectionStatusChanged, (_, status) => this.connection(status)],
      [context?.kernelChanged, () => this.end()]].filter(([signal]) => signal);
    for (const [signal, slot] of this.signals) signal.connect(slot);
    this.ended = () => this.end();
    model.on("comm:close", this.ended);
    if (kernel && ENDED.has(kernel.status)) this.end();
  }

  status(status) { if (ENDED.has(status)) this.end(); }

  // What a kernel knew is lost with it: a Lab that has ended never comes back.
  end() {
    this.over = true;
    this.say(ENDED_TEXT);
  }

  connection(status) {
    if (this.over) return;
    if (LOST.has(status)) { this.say(LOST_TEXT); return; }
    if (status !== "connected" || !this.text) return;
    this.say("");
    this.model.send({ action: "hello" });
  }

  say(text) {
    if (text === this.text) return;
    this.text = text;
    this.onChange(text);
  }

  close() {
    for (const [signal, slot] of this.signals) signal.disconnect(slot);
    this.model.off("comm:close", this.ended);
  }
}
