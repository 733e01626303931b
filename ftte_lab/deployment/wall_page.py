"""Hold the page that a class sees on the wall; it needs nothing but itself."""

from __future__ import annotations

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The room is the fleet</title>
<style>
:root { color-scheme: light dark; --ink: #222; --soft: #707070; --page: #fff; --box: #f4f4f2;
  --mark: #C44A00; --calm: #0FA58C }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --soft: #a5a5a5; --page: #111; --box: #1e1e1e; --mark: #FF8A3D } }
body { margin: 2rem 3rem; background: var(--page); color: var(--ink); font: 20px/1.45 system-ui }
h1 { margin: 0 0 1rem; font-size: 1.7rem }
main { display: grid; grid-template-columns: 2fr 1fr; gap: 2.5rem }
.box { background: var(--box); border-radius: 12px; padding: 1rem 1.3rem; margin-bottom: 1rem }
code { font-size: .85rem; overflow-wrap: anywhere; user-select: all }
table { width: 100%; border-collapse: collapse } td, th { padding: .3rem .5rem; text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
th { color: var(--soft); font-weight: normal; font-size: .85rem }
tr.trains td:first-child::before { content: "● "; color: var(--mark) }
tr.waits td:first-child::before { content: "● "; color: var(--calm) }
tr.lost, tr.left { opacity: .45 }
button { font: inherit; padding: .3rem .9rem; margin-right: .5rem; border-radius: 8px;
  border: 1px solid var(--soft); background: none; color: inherit; cursor: pointer }
td button { font-size: .75rem; padding: 0 .5rem; margin: 0 }
.big { font-size: 2.2rem; font-weight: 600; font-variant-numeric: tabular-nums }
.soft { color: var(--soft); font-size: .85rem }
#qr svg { width: 100%; max-width: 260px; background: #fff; border-radius: 8px }
#curve { width: 100%; height: 180px; border: solid #8888; border-width: 1px 0 }
#curve polyline { fill: none; stroke: var(--mark); stroke-width: 3 }
</style></head><body>
<h1>The room is the fleet</h1>
<main><section>
  <div class="box"><p class="soft">accuracy, from 0 to 100 %, over the time of the run</p>
    <svg id="curve" viewBox="0 0 600 180" preserveAspectRatio="none" role="img"
    aria-label="accuracy over time"><polyline/></svg>
    <span class="big" id="accuracy">–</span> <span class="soft">accuracy ·</span>
    <span class="big" id="version">0</span> <span class="soft">server steps</span></div>
  <div class="box"><table><thead><tr><th>who</th><th>now</th><th class="n">jobs</th>
    <th class="n">updates</th><th></th></tr></thead><tbody id="nodes"></tbody></table></div>
</section><aside>
  <div class="box"><div id="qr"></div>
    <p class="soft">ftte-lab join</p><code id="line"></code></div>
  <div class="box"><button id="start">Start</button><button id="pause">Pause</button>
    <p class="soft" id="status" aria-live="polite"></p></div>
  <div class="box soft" id="news"></div>
</aside></main>
<script>
const token = new URLSearchParams(location.search).get("token");
const at = id => document.getElementById(id);
const ask = (what, name = "") =>
  fetch("/do?token=" + token, {method: "POST", body: what + "\\n" + name});
const cell = (text, n) => { const td = document.createElement("td"); td.textContent = text;
  if (n) td.className = "n"; return td };
let paused = false, drawn = "";
at("start").onclick = () => ask("start");
at("pause").onclick = () => ask(paused ? "go on" : "pause");
function rows(nodes) {
  const text = JSON.stringify(nodes); if (text === drawn) return; drawn = text;
  at("nodes").replaceChildren(...nodes.map(node => {
    const tr = document.createElement("tr"); tr.className = node.state;
    const kick = document.createElement("button"); kick.textContent = "take out";
    kick.onclick = () => { if (confirm("Take " + node.name + " out?")) ask("kick", node.name) };
    const last = document.createElement("td"); last.append(kick);
    tr.append(cell(node.name), cell(node.state), cell(node.jobs, 1), cell(node.updates, 1), last);
    return tr })) }
function curve(points) {
  const end = Math.max(1, ...points.map(p => p[0]));
  const xy = points.map(([t, a]) => (600 * t / end).toFixed(1) + "," + (180 - 180 * a).toFixed(1));
  document.querySelector("polyline").setAttribute("points", xy.join(" "));
  if (points.length) at("accuracy").textContent = (100 * points.at(-1)[1]).toFixed(1) + " %" }
async function look() {
  try {
    const state = await (await fetch("/state?token=" + token)).json();
    rows(state.nodes); curve(state.points); paused = state.paused;
    at("version").textContent = state.version; at("line").textContent = state.line;
    at("status").textContent = state.status; at("news").textContent = state.news.join(" · ");
    at("start").disabled = state.running; at("pause").disabled = !state.running;
    at("pause").textContent = paused ? "Go on" : "Pause";
    if (state.qr && !at("qr").firstChild) at("qr").innerHTML = state.qr;
  } catch { at("status").textContent = "the server has ended" }
  setTimeout(look, 700) }
look();
</script></body></html>
"""
