// What the page asks the kernel for, in the order in which it was asked.

// The library holds back what a knob sends while the kernel still works at the message before. A button that were sent
// at once would overtake it: a slider pressed to its end, then Reset, would end at its end. So after a knob has been
// turned, a request waits until the kernel has answered: what the knob holds back is then on its way.
class Outbox {
  constructor(model) {
    this.model = model;
    this.number = 0;
    this.waiting = [];
    this.answers = new Map();
    this.page = `${Date.now()}-${Math.random()}`;
  }

  // A knob has been touched.
  turned() { this.unsettled = true; }

  // Send a request; `then` is called once the kernel has done it.
  send(content, buffers, then) {
    if (content.action === "stop") { this.model.send(content); return; }
    if (!this.unsettled && !this.waiting.length) { this.post(content, buffers, then); return; }
    this.waiting.push([content, buffers, then]);
    this.settle();
  }

  settle() {
    if (!this.unsettled) return;
    this.unsettled = false;
    this.answered(() => this.flush());
  }

  flush() {
    if (this.unsettled) { this.settle(); return; }
    for (const one of this.waiting.splice(0)) this.post(...one);
  }

  post(content, buffers, then) {
    this.model.send(content, undefined, buffers);
    if (then) this.answered(then);
  }

  // Call `act` once the kernel has done all that was sent before.
  answered(act) {
    this.number += 1;
    this.answers.set(this.number, act);
    this.model.send({ action: "answer", page: this.page, number: this.number });
  }

  answer({ page, number }) {
    if (page !== this.page) return;
    const act = this.answers.get(number);
    this.answers.delete(number);
    if (act) act();
  }
}
