// Small marks below a slider, where its handle would stand.

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "ftte-marks";
  el.append(box);
  let marks = [];
  let gone = false;
  const place = () => {
    const track = el.parentElement && el.parentElement.querySelector(".noUi-base");
    if (!track) { if (!gone) requestAnimationFrame(place); return; }
    const left = track.getBoundingClientRect().left - box.getBoundingClientRect().left;
    const width = track.getBoundingClientRect().width;
    box.replaceChildren(...marks.map(({ text, at }) => {
      const mark = document.createElement("span");
      mark.textContent = text;
      mark.style.left = `${left + at * width}px`;
      return mark;
    }));
    const room = box.getBoundingClientRect();
    for (const mark of box.children) {
      const { left: from, right: to } = mark.getBoundingClientRect();
      const shift = Math.max(0, room.left - from) + Math.min(0, room.right - to);
      mark.style.translate = `${shift}px`; // the text stays in the column, the tick where it belongs
      mark.style.setProperty("--shift", `${-shift}px`);
    }
    const boxes = [...box.children].map((mark) => mark.getBoundingClientRect());
    const crowded = boxes.some((one, k) => k > 0 && one.left < boxes[k - 1].right + 4);
    [...box.children].forEach((mark, k) => mark.classList.toggle("ftte-lower", crowded && k % 2 === 1));
    box.classList.toggle("ftte-crowded", crowded);
  };
  const receive = (message) => { marks = message.marks.slice().sort((a, b) => a.at - b.at); place(); };
  model.on("msg:custom", receive);
  const size = new ResizeObserver(place);
  size.observe(box);
  model.send({ action: "hello" });
  return () => { gone = true; model.off("msg:custom", receive); size.disconnect(); };
}

export default { render };
