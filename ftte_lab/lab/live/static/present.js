// A view for a projector: the Lab alone, in large print, with the main knobs only.

class Present {
  constructor(stage) {
    this.stage = stage;
    this.button = stage.toolbar.button("present", "Present", "Large print, for a projector; Escape ends it", () => this.set(!this.on));
    this.button.setAttribute("aria-pressed", "false");
    stage.toolbar.drawers.append(this.button);
    this.left = () => { if (!document.fullscreenElement) this.set(false); };
    document.addEventListener("fullscreenchange", this.left);
  }

  get on() { return this.button.getAttribute("aria-pressed") === "true"; }

  async set(on) {
    const lab = labOf(this.stage);
    if (!lab || on === this.on) return;
    this.button.setAttribute("aria-pressed", String(on));
    lab.classList.toggle("ftte-present", on);
    if (!on && document.fullscreenElement === lab) await document.exitFullscreen();
    if (on && lab.requestFullscreen) await lab.requestFullscreen().catch(() => {}); // a page in a frame may not
  }

  close() { document.removeEventListener("fullscreenchange", this.left); }
}
