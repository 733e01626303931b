// The gallery: a card per fleet with a picture of its mix; a click goes there, and its question stays above the charts.

const GALLERY_MARKS = 40; // devices in a card's picture, of a hundred

class GalleryTool {
  constructor(host) {
    this.host = host;
    this.cards = make("ul", { className: "ftte-gallery-cards" });
    this.cards.setAttribute("aria-label", "fleets");
    this.root = make("div", { className: "ftte-gallery" },
      make("p", { className: "ftte-note", textContent: "Eight fleets, each with one question. A filled mark is a device at full speed, a hollow one is slow." }),
      this.cards);
    this.words = make("span", { className: "ftte-gallery-words" });
    this.words.setAttribute("aria-live", "polite");
    const away = make("button", { type: "button", className: "ftte-button", textContent: "×", title: "Take the question away" });
    away.setAttribute("aria-label", "Take the question away");
    away.addEventListener("click", () => host.send({ fleet: null }));
    this.banner = make("div", { className: "ftte-gallery-question", hidden: true }, this.words, away);
    host.stage.scores.root.before(this.banner);
  }

  receive(message) {
    if (message.part === "cards") this.show(message.cards);
    if (message.part === "chosen") this.choose(message);
  }

  show(cards) {
    this.buttons = {};
    this.cards.replaceChildren(...cards.map((card) => {
      const go = make("button", { type: "button", className: "ftte-gallery-go", title: card.about },
        galleryPicture(card),
        make("b", { className: "ftte-gallery-title", textContent: card.title }),
        make("span", { className: "ftte-gallery-ask", textContent: card.question }),
        make("span", { className: "ftte-gallery-about", textContent: card.about }));
      go.dataset.fleet = card.fleet;
      go.setAttribute("aria-pressed", "false");
      go.addEventListener("click", () => this.visit(card.fleet));
      this.buttons[card.fleet] = go;
      const copy = make("button", { type: "button", className: "ftte-button ftte-gallery-copy", textContent: "Copy code", title: card.code });
      copy.setAttribute("aria-label", `Copy the share code of ${card.title}`);
      copy.addEventListener("click", () => galleryCopy(copy, card.code));
      return make("li", { className: "ftte-gallery-card" }, go, copy);
    }));
    if (this.chosen) this.choose(this.chosen);
  }

  // Go there, and make room for the charts.
  visit(fleet) {
    this.host.send({ fleet });
    this.host.close();
    this.host.stage.toolbar.buttons.gallery.focus();
  }

  choose(message) {
    this.chosen = message;
    this.banner.hidden = !message.question;
    this.words.replaceChildren(make("b", {}, message.title || ""), ` ${message.question}`);
    for (const [fleet, button] of Object.entries(this.buttons || {})) button.setAttribute("aria-pressed", String(fleet === message.fleet));
  }

  destroy() { this.banner.remove(); }
}

function galleryCopy(button, code) {
  const done = () => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy code"; }, 1500);
  };
  const byHand = () => {
    const field = make("textarea", { value: code, className: "ftte-hidden" });
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(code).then(done, byHand); else byHand();
}

const GALLERY_SHAPES = {
  circle: "M0,-1A1,1 0 1 1 0,1A1,1 0 1 1 0,-1Z",
  square: "M-.9,-.9H.9V.9H-.9Z",
  diamond: "M0,-1.1L.9,0L0,1.1L-.9,0Z",
  cross: "M-.35,-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",
  "triangle-up": "M0,-1L1,.85L-1,.85Z",
  "triangle-down": "M0,1L1,-.85L-1,-.85Z",
  "triangle-left": "M-1,0L.85,1L.85,-1Z",
  "triangle-right": "M1,0L-.85,1L-.85,-1Z",
  bow: "M-.95,-.8L.95,.8L.95,-.8L-.95,.8Z",
};

// The share of each kind as marks in rows of ten; the slow ones, spread evenly, are hollow.
function galleryPicture({ kinds, slow, factor, devices }) {
  const svg = svgNode("svg", { viewBox: "0 0 216 84", class: "ftte-gallery-picture", "aria-hidden": "true" });
  const counts = galleryShares(kinds.map((kind) => kind.share), GALLERY_MARKS);
  const all = kinds.flatMap((kind, k) => Array(counts[k]).fill(kind));
  all.forEach((kind, k) => {
    const hollow = (k * 7) % GALLERY_MARKS < slow * GALLERY_MARKS - 1e-9;
    const x = 8 + (k % 10) * 13, y = 9 + Math.floor(k / 10) * 13;
    svg.append(svgNode("path", {
      d: GALLERY_SHAPES[kind.shape] || GALLERY_SHAPES.circle, transform: `translate(${x},${y}) scale(${hollow ? 4 : 4.6})`,
      fill: hollow ? "none" : kind.colour, stroke: kind.colour, "stroke-width": hollow ? 0.4 : 0.1,
    }));
  });
  const text = (y, words, bold) => svg.append(svgNode("text", { x: 140, y, class: bold ? "ftte-gallery-count" : "ftte-gallery-small" }, words));
  text(19, devices.toLocaleString("en"), true);
  text(33, "devices");
  text(48, slow ? `${Math.round(100 * slow)} % slow` : "none slow");
  if (slow) text(60, `${factor.toLocaleString("en")} times`);
  let x = 4;
  for (const kind of kinds) {
    svg.append(svgNode("text", { x, y: 78, class: "ftte-gallery-small" }, `${kind.name.replace("_", " ")} ${Math.round(100 * kind.share)}`));
    x += 10 + 5.3 * (kind.name.length + 3);
  }
  return svg;
}

// Whole numbers in proportion to some shares, of a given sum.
function galleryShares(parts, sum) {
  const exact = parts.map((part) => part * sum);
  const whole = exact.map(Math.floor);
  const order = exact.map((value, k) => [value - whole[k], k]).sort((a, b) => b[0] - a[0]);
  for (let k = 0; whole.reduce((a, b) => a + b, 0) < sum && k < order.length; k++) whole[order[k][1]] += 1;
  return whole;
}

TOOLS.push({ name: "gallery", text: "Gallery", title: "Eight fleets, each with one question", tool: GalleryTool });
