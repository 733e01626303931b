// A stand at a fair: large print, no drawers of code; the page begins again when nobody has touched it for a while.

const KIOSK_S = 90;
const KIOSK_WARN_S = 10;

class Kiosk {
  constructor(stage, seconds = KIOSK_S) {
    this.stage = stage;
    this.seconds = seconds;
    this.used = null; // when somebody last touched it; null: nobody since it began
    this.note = make("p", { className: "ftte-kiosk-note", hidden: true, role: "status" });
    stage.root.append(this.note);
    this.touch = () => { this.used = performance.now(); this.note.hidden = true; };
    this.kinds = ["pointerdown", "keydown", "wheel", "touchstart"];
    for (const kind of this.kinds) document.addEventListener(kind, this.touch, { capture: true, passive: true });
    this.timer = setInterval(() => this.tick(), 500);
    this.tick();
  }

  tick() {
    const lab = labOf(this.stage);
    if (lab) lab.classList.add("ftte-kiosk");
    if (this.used === null) return;
    const left = this.seconds - (performance.now() - this.used) / 1000;
    this.note.hidden = left > KIOSK_WARN_S;
    this.note.textContent = `This page begins again in ${Math.max(1, Math.ceil(left))} s. Touch it to stay.`;
    if (left <= 0) this.begin();
  }

  // Everything as it was: the story at its first step, else the settings that the Lab was opened with.
  begin() {
    this.used = null;
    this.note.hidden = true;
    this.stage.drawers.open(null);
    this.stage.outbox.send({ action: "reset" });
    this.stage.outbox.send({ tool: "story", action: "begin" });
    this.stage.root.dataset.begun = String(Number(this.stage.root.dataset.begun || 0) + 1);
  }

  close() {
    clearInterval(this.timer);
    for (const kind of this.kinds) document.removeEventListener(kind, this.touch, { capture: true });
    labOf(this.stage)?.classList.remove("ftte-kiosk");
    this.note.remove();
  }
}
