// Story mode: a sentence at a time; each step sets the Lab and shows where to look.

class StoryTool {
  constructor(host) {
    this.host = host;
    this.step = { count: 0 };
    this.list = make("div", { className: "ftte-row" });
    const file = make("input", { type: "file", accept: ".json,application/json", className: "ftte-file" });
    file.setAttribute("aria-label", "story file to open");
    file.addEventListener("change", async () => {
      if (file.files[0]) host.send({ action: "file", text: await file.files[0].text() });
      file.value = "";
    });
    this.choice = make("div", {}, this.list, make("div", { className: "ftte-row" }, make("label", {}, "Your own story: ", file)));
    this.title = make("span", { className: "ftte-note" });
    this.text = make("p", { className: "ftte-story-text" });
    this.question = make("p", { className: "ftte-story-question" });
    this.spoken = make("div", { className: "ftte-story-words" }, this.text, this.question);
    this.spoken.setAttribute("aria-live", "polite");
    this.back = this.button("Back", "The step before (Page Up)", () => this.go(-1));
    this.next = this.button("Next", "The next step (Page Down)", () => this.go(1));
    this.end = this.button("End the story", "Leave the story; the Lab stays as it is", () => host.send({ action: "end" }));
    this.shown = make("div", { className: "ftte-story" }, this.spoken, make("div", { className: "ftte-row" }, this.back, this.next, this.title, this.end));
    this.root = make("div", {}, this.choice, this.shown);
    // The keys of a presenter's remote control, wherever the focus is in the Lab.
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys, true);
    this.show();
  }

  button(text, title, act) {
    return make("button", { type: "button", className: "ftte-button", textContent: text, title, onclick: act });
  }

  key(event) {
    const move = { PageDown: 1, PageUp: -1 }[event.key];
    const lab = labOf(this.host.stage);
    const here = lab && (lab.contains(event.target) || event.target === document.body);
    if (!move || !here || !this.host.isOpen || !this.step.count || event.target.matches(".noUi-handle")) return;
    event.preventDefault();
    event.stopPropagation();
    this.go(move);
  }

  go(by) {
    const at = this.step.at + by;
    if (at >= 0 && at < this.step.count) this.host.send({ action: "go", at });
  }

  receive(message) {
    if (message.part === "stories") {
      this.list.replaceChildren(...message.stories.map(({ name, title }) => {
        const node = this.button(title, `Begin the story “${title}”`, () => this.host.send({ action: "open", story: name }));
        node.dataset.story = name;
        return node;
      }));
      return;
    }
    const fresh = message.count && !this.step.count;
    this.step = message;
    if (fresh && !this.host.isOpen) this.host.open();
    this.show();
    if (fresh) this.next.focus({ preventScroll: true });
  }

  show() {
    const { count, at, title, text, question, look } = this.step;
    this.choice.hidden = Boolean(count);
    this.shown.hidden = !count;
    this.root.dataset.at = count ? String(at) : "";
    this.point(count ? look : "");
    if (!count) return;
    this.title.textContent = `${title}: ${at + 1} of ${count}`;
    this.text.textContent = text;
    this.question.textContent = question;
    this.question.hidden = !question;
    this.disable(this.back, at === 0);
    this.disable(this.next, at === count - 1);
  }

  // A button that is disabled loses the focus, and a reader with a keyboard the place.
  disable(button, off) {
    if (off && document.activeElement === button) (button === this.next ? this.back : this.next).focus({ preventScroll: true });
    button.disabled = off;
  }

  // Draw a frame around what the step speaks of, once it is on the page.
  point(look, tries = 20) {
    clearTimeout(this.later);
    if (this.place) this.place.classList.remove("ftte-story-look");
    this.place = look ? this.host.place(look) : null;
    if (this.place) {
      this.place.closest(".ftte-closed")?.querySelector(".ftte-group-title")?.click();
      this.place.classList.add("ftte-story-look");
      this.place.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } else if (look && tries) this.later = setTimeout(() => this.point(look, tries - 1), 100);
  }

  destroy() {
    clearTimeout(this.later);
    document.removeEventListener("keydown", this.keys, true);
  }
}

TOOLS.push({ name: "story", text: "Story", title: "A lecture, step by step", tool: StoryTool });
