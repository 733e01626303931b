// Own data: a file goes to the kernel in pieces, and stays there.

const PIECE_BYTES = 1 << 20;
const MOST_BYTES = 64 << 20;

class DataTool {
  constructor(host) {
    this.host = host;
    const file = make("input", { type: "file", accept: ".csv,.npz", className: "ftte-file" });
    file.setAttribute("aria-label", "CSV or NPZ file with your own data");
    file.addEventListener("change", () => { if (file.files[0]) this.pass(file.files[0]); file.value = ""; });
    this.state = make("span", { className: "ftte-note", role: "status" });
    this.about = make("p", { className: "ftte-words ftte-data-about", role: "status" });
    this.use = make("button", { type: "button", className: "ftte-button", textContent: "Run with these data", onclick: () => host.send({ action: "use", data: this.read.data }) });
    const how = make("p", { className: "ftte-words" },
      "CSV: a first line with the names of the columns, among them ", make("code", { textContent: "label" }), " and ", make("code", { textContent: "person" }),
      "; all others are numbers. NPZ: arrays ", make("code", { textContent: "x" }), ", ", make("code", { textContent: "y" }), " and ", make("code", { textContent: "person" }),
      ". Each person becomes a client. The file goes to this notebook's kernel and nowhere else.");
    this.root = make("div", {}, how, make("div", { className: "ftte-row" }, file, this.state), this.about, make("div", { className: "ftte-row" }, this.use));
    this.receive({ part: "read" });
  }

  async pass(file) {
    if (file.size > MOST_BYTES) {
      this.state.textContent = `${file.name} has ${(file.size / 2 ** 20).toFixed(0)} MiB; allowed: up to 64 MiB. Take a part.`;
      return;
    }
    if (!file.size) {
      this.state.textContent = `${file.name} is empty; allowed: a file with samples.`;
      return;
    }
    const bytes = await file.arrayBuffer();
    const total = bytes.byteLength;
    for (let at = 0; at < total; at += PIECE_BYTES) {
      this.host.send({ action: "piece", file: file.name, at, total }, [bytes.slice(at, at + PIECE_BYTES)]);
    }
  }

  receive(message) {
    if (message.part === "state") { this.state.textContent = message.text; return; }
    this.read = message;
    this.about.textContent = message.about ? `${message.data}: ${message.about}.` : "";
    this.use.hidden = !message.data;
    this.root.dataset.read = message.data || "";
  }
}

TOOLS.push({ name: "data", text: "Own data", title: "Run with a file of your own", tool: DataTool });
