// The browser of rows. All that comes from rows is put in place as text, never as HTML.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const STEP = 100;
const form = document.getElementById("filters");
const list = document.getElementById("list");
const more = document.getElementById("more");
const panel = document.getElementById("row");
let found = [];
let shown = 0;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const number = (value) => value.toLocaleString("en");
const short = (tokens) => tokens % 1048576 === 0 ? tokens / 1048576 + "m" : tokens % 1024 === 0 ? tokens / 1024 + "k" : String(tokens);
const depths = [...new Set(data.rows.map((row) => row.depth))].filter((depth) => depth !== null).sort((a, b) => a - b);
const tenth = (depth) => (Math.min(9, Math.floor(depth * 10)) / 10).toFixed(1);
// Depths anywhere are filtered by tenths.
const depthOf = (row) => row.depth === null ? "none" : depths.length > 40 ? tenth(row.depth) : String(row.depth);

// Scores of a row that the chosen run has, or of all runs.
function runsOf(row) {
  const chosen = form.run.value;
  return row.runs.filter((run) => chosen === "" || run.name === data.runs[Number(chosen)]);
}

const scoreOf = (run) => run.scores.score === undefined ? null : run.scores.score;
const failed = (run) => scoreOf(run) === null || scoreOf(run) < 1;

function fill(name, values, label) {
  for (const value of values) form.elements.namedItem(name).append(element("option", { value: String(value) }, label(value)));
}

function options() {
  const unique = (values) => [...new Set(values)];
  fill("task", unique(data.rows.map((row) => row.task)).sort(), String);
  fill("length", unique(data.rows.map((row) => row.target)).sort((a, b) => a - b), short);
  if (depths.length > 40) fill("depth", unique(depths.map(tenth)), (low) => low + " to " + (Number(low) + 0.1).toFixed(1));
  else fill("depth", depths, String);
  if (data.rows.some((row) => row.depth === null)) fill("depth", ["none"], String);
  fill("run", data.runs.keys(), (place) => data.runs[place]);
}

function matches(row) {
  const text = form.text.value.trim().toLowerCase();
  const runs = runsOf(row);
  const result = form.result.value;
  return (form.task.value === "" || row.task === form.task.value)
    && (form.length_.value === "" || String(row.target) === form.length_.value)
    && (form.depth.value === "" || depthOf(row) === form.depth.value)
    && (result === "" || (result === "failed" && runs.some(failed)) || (result === "right" && runs.length > 0 && !runs.some(failed))
      || (result === "silent" && runs.some((run) => run.said === null && scoreOf(run) !== 1)))
    && (text === "" || searchable(row).includes(text));
}

const texts = new WeakMap();
function searchable(row) {
  if (!texts.has(row)) {
    const said = row.runs.flatMap((run) => run.said || []);
    texts.set(row, [row.id, row.question, ...row.gold, ...said].join("\n").toLowerCase());
  }
  return texts.get(row);
}

function summary(row) {
  const runs = runsOf(row);
  if (!runs.length) return null;
  // Each run has its own mark: one that fails everywhere must not make the others look failed.
  return element("span", {}, ...runs.flatMap((run, place) => [
    place ? " " : "",
    element("span", { class: failed(run) ? "bad" : null, title: run.name },
      (failed(run) ? "✗\u00a0" : "✓\u00a0") + (scoreOf(run) === null ? "–" : scoreOf(run).toFixed(2))),
  ]));
}

function extend() {
  for (const row of found.slice(shown, shown + STEP)) {
    const button = element("button", { type: "button", "data-id": row.id },
      element("span", {}, row.config + (row.depth === null ? "" : ", depth " + row.depth)),
      summary(row) || "",
      element("small", {}, row.gold.join(", ").slice(0, 80)));
    button.addEventListener("click", () => open(row, button));
    list.append(element("li", {}, button));
  }
  shown = Math.min(found.length, shown + STEP);
  more.hidden = shown >= found.length;
}

function refresh() {
  found = data.rows.filter(matches);
  shown = 0;
  list.replaceChildren();
  extend();
  document.getElementById("count").textContent = number(found.length) + " of " + number(data.rows.length) + " rows";
}

function gap(count) {
  return element("span", { class: "gap" }, "[… " + number(count) + " characters …]");
}

function passages(row) {
  const box = element("div", { class: "text", dir: "auto", id: "context" });
  let last = 0;
  for (const [start, parts] of row.passages) {
    if (start > last) box.append(gap(start - last));
    last = start;
    for (const part of parts) {
      const text = typeof part === "string" ? part : part[0];
      last += [...text].length;
      if (typeof part === "string") {
        box.append(text);
      } else {
        const piece = row.pieces[part[1]];
        box.append(element("mark", { class: piece.role, id: "piece-" + part[1], tabindex: "-1", title: told(piece) }, text));
      }
    }
  }
  if (row.size > last) box.append(gap(row.size - last));
  return box;
}

const told = (piece) => piece.role + ", depth " + piece.depth.toFixed(4) + " (asked " + Number(piece.depth_requested.toFixed(4)) + "), tokens "
  + number(piece.token_start) + " to " + number(piece.token_end);

// Where evidence stands in the whole text, to scale; what is shown below is shaded.
function minimap(row) {
  const scale = (place) => 1000 * place / Math.max(1, row.size);
  const map = drawn("svg", { class: "map", viewBox: "0 0 1000 40", preserveAspectRatio: "none", role: "group", "aria-label": "Where evidence stands in the text" },
    drawn("rect", { class: "track", x: 0, y: 12, width: 1000, height: 16 }));
  for (const [start, parts] of row.passages) {
    const size = parts.reduce((sum, part) => sum + [...(typeof part === "string" ? part : part[0])].length, 0);
    map.append(drawn("rect", { class: "seen", x: scale(start), y: 12, width: Math.max(1, scale(size)), height: 16 }));
  }
  row.marks.forEach(([start, end, role], place) => {
    const bar = drawn("rect", { class: role, x: scale(start), y: role === "gold" ? 2 : 8, width: Math.max(4, scale(end - start)), height: role === "gold" ? 36 : 24 });
    if (place >= row.pieces.length) {
      map.append(bar);
      return;
    }
    const link = drawn("a", { href: "#piece-" + place, "aria-label": told(row.pieces[place]) }, drawn("title", {}, told(row.pieces[place])), bar);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const mark = document.getElementById("piece-" + place);
      document.querySelectorAll("mark.found").forEach((other) => other.classList.remove("found"));
      mark.classList.add("found");
      mark.scrollIntoView({ block: "center" });
      mark.focus({ preventScroll: true });
    });
    map.append(link);
  });
  return map;
}

function facts(pairs) {
  return element("dl", {}, ...pairs.filter((pair) => pair[1] !== "").flatMap(([name, value]) => [element("dt", {}, name), element("dd", { dir: "auto" }, value)]));
}

function block(text) {
  return element("div", { class: "text", dir: "auto" }, text);
}

function answer(run) {
  const score = scoreOf(run);
  const others = Object.entries(run.scores).filter(([name]) => name !== "score").map(([name, value]) => name + " " + value).join(", ");
  const box = element("section", { class: "answer" },
    element("h3", {}, run.name + ": ", element("span", { class: failed(run) ? "why bad" : "why" }, score === null ? "no score" : "score " + score)));
  if (run.said === null) {
    box.append(element("p", { class: "quiet" }, "There is no response to this row here."));
  } else {
    run.said.forEach((text) => box.append(block(text === "" ? "(empty)" : text)));
    if (run.samples > run.said.length) box.append(element("p", { class: "quiet" }, "and " + (run.samples - run.said.length) + " more samples"));
  }
  run.why.forEach((line) => box.append(element("p", { dir: "auto" }, line)));
  if (others) box.append(element("p", { class: "quiet" }, others));
  return box;
}

function legend(row) {
  const roles = [...new Set(row.marks.map((mark) => mark[2]))];
  return element("p", {}, ...roles.map((role) => element("span", { class: "key " + role }, role)));
}

function open(row, button) {
  list.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  if (button) button.setAttribute("aria-current", "true");
  const [prompt, answerRoom, reserve] = row.tokens;
  panel.replaceChildren(...[
    element("h3", {}, "Question"), block(row.question),
    element("h3", {}, row.golds > 1 ? "Answers (" + number(row.golds) + ")" : "Answer"), block(row.gold.join("\n") + (row.golds > row.gold.length ? "\n…" : "")),
    ...runsOf(row).map(answer),
    ...(row.output ? [element("h3", {}, "Prompt"), ...row.prompt.map(block)] : []),
    element("h3", {}, row.output ? "A right answer, evidence marked" : "Prompt, evidence marked"),
    legend(row), minimap(row),
    row.evidence > row.pieces.length ? element("p", { class: "quiet" }, number(row.pieces.length) + " of " + number(row.evidence) + " pieces are shown below") : null,
    passages(row),
    element("h3", {}, "Facts"),
    facts([
      ["id", row.id], ["config", row.config], ["role", row.role || ""],
      ["length", number(row.length) + " tokens = " + number(prompt) + " prompt + " + number(answerRoom) + " to write + " + number(reserve) + " in reserve"],
      ["reference", row.reference === null ? "" : number(row.reference) + " tokens"],
      ["parameters", Object.entries(row.params).map(([name, value]) => name + "=" + value).join(", ")],
      ...row.pieces.map((piece) => [piece.role, told(piece) + ": " + piece.text]),
    ]),
  ].filter(Boolean));
  if (window.matchMedia("(max-width: 48rem)").matches) panel.scrollIntoView();
  panel.dataset.id = row.id;
}

function move(event) {
  const buttons = [...list.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || !buttons[to]) return;
  event.preventDefault();
  buttons[to].focus();
}

// A field named `length` would hide the number of the form's fields.
form.length_ = form.elements.namedItem("length");
options();
refresh();
form.addEventListener("input", refresh);
form.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", extend);
list.addEventListener("keydown", move);
const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
