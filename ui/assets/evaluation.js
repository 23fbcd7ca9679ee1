// Sets of questions that are run, and what was found.

const exam = root.querySelector("section.view-evaluation");
const within = (selector) => exam.querySelector(selector);
const examForm = within(".exam-form");
const SVG = "http://www.w3.org/2000/svg";
const SETS = new Set(["sample", "mine"]);

let examChoices = null;
let watching = 0;
let shownRun = "";

async function choose(id) {
  const reply = await call("evaluation_choices", {});
  if (reply.kind !== "choices") {
    within(".exam-report").replaceChildren(problemElement(reply.message));
    return;
  }
  examChoices = reply;
  const { system, past } = examForm.elements;
  if (!system.options.length) system.append(...reply.systems.map((name) => optionOf(name, named("setting", name))));
  within(".exam-past").hidden = !reply.runs.length;
  past.replaceChildren(...reply.runs.map((run) => optionOf(run.id, `${when(run.made)}: ${setName(run)}`)));
  showHint();
  const wanted = id ?? (shownRun || reply.runs[0]?.id);
  if (wanted) {
    past.value = wanted;
    if (wanted !== shownRun) showRun(wanted);
  } else if (!shownRun) {
    within(".exam-report").replaceChildren(make("p", "faint", t("no_runs")));
  }
  if (reply.running.state === "running") watch();
}

function optionOf(value, label) {
  const option = make("option", "", label);
  option.value = value;
  return option;
}

function when(made) {
  return new Date(made).toLocaleString(locale, { dateStyle, timeStyle: "medium" });
}

function setName({ set, system }) {
  return [SETS.has(set) ? named("set", set) : set, system && named("setting", system)].filter(Boolean).join(", ");
}

function showHint() {
  const chosen = examForm.elements.set.value;
  within(".exam-folder").hidden = within(".exam-system").hidden = chosen !== "folder";
  if (!examChoices) return; // it is called again once the server has told them
  const { folders, questions, file } = examChoices;
  within(".exam-hint").textContent = {
    sample: t("hint_sample"),
    mine: questions
      ? t("hint_mine", { questions: t("questions_in_file", { count: questions, file }) })
      : t("hint_mine_none", { file }),
    folder: folders.length
      ? t("hint_folder", { folders: folders.join(", ") })
      : t("hint_no_folder"),
  }[chosen];
}

async function run() {
  const { set, folder, system } = examForm.elements;
  const reply = await call("evaluation_run", { set: set.value === "folder" ? folder.value : set.value, system: system.value });
  if (reply.kind === "error") {
    notice(reply.message);
    return;
  }
  within(".exam-failed").replaceChildren();
  watch();
}

async function watch() {
  const mine = ++watching;
  const box = within(".exam-progress");
  while (mine === watching && !exam.hidden) {
    const reply = await call("evaluation_state", {});
    if (mine !== watching) return;
    box.hidden = reply.state !== "running";
    examForm.querySelector(".main").disabled = reply.state === "running";
    if (reply.state !== "running") {
      if (reply.state === "done") choose(reply.id);
      else if (reply.state === "cancelled") notice(t("run_cancelled"));
      else if (reply.state === "failed") within(".exam-failed").replaceChildren(problemElement(told(reply.error)));
      return;
    }
    const [what, done, total] = reply.progress;
    within(".exam-progress .job-stage").textContent = named("stage", what);
    within(".exam-progress .job-detail").textContent = total ? t("of", { done, total }) : "";
    const bar = within(".exam-progress progress");
    if (total) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute("value");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

// A report

async function showRun(id) {
  shownRun = id;
  const run = await call("evaluation_report", { id });
  if (shownRun !== id) return;
  const box = within(".exam-report");
  if (run.kind !== "report") {
    box.replaceChildren(problemElement(run.message));
    return;
  }
  const { report } = run;
  const title = make("h2", "exam-title", setName(run));
  title.dir = "auto";
  const parts = [title, make("p", "faint", t("made_intervals", { when: when(run.made) }))];
  if (run.compared) {
    const { made, system, rows } = run.compared;
    const before = [when(made), system && named("setting", system)].filter(Boolean).join(", ");
    parts.push(panel(t("since_before", { run: before }), differencesElement(rows)));
  }
  const grid = make("div", "exam-grid");
  if (report.figures.all) grid.append(panel(t("answers"), intervalsElement(report.figures.all)));
  for (const part of report.retrievals) {
    grid.append(panel(t("retrieval"), intervalsElement(part.figures)));
    const points = part.recall.map(({ k, recall }) => [k, recall.value, recall.low, recall.high]);
    grid.append(panel(t("recall_curve"), curveElement(points, { log: true, x: t("axis_documents"), y: t("axis_recall") })));
  }
  const pairs = Object.entries(report.figures).filter(([pair]) => !["all", "macro"].includes(pair));
  if (pairs.length > 1) {
    const first = pairs.map(([pair, figures]) => ({ ...figures[0], name: pair }));
    grid.append(panel(t("by_pair", { measure: named("measure", pairs[0][1][0].name) }), intervalsElement(first)));
  }
  if (report.risk_coverage.length) {
    const risk = report.risk_coverage.map(({ coverage, risk }) => [coverage, risk]);
    grid.append(panel(t("risk_coverage"), curveElement(risk, { x: t("axis_answered"), y: t("axis_wrong") })));
  }
  if (report.reliability.length) {
    const bins = report.reliability.map(({ confidence, accuracy }) => [confidence, accuracy]);
    grid.append(panel(t("calibration"), curveElement(bins, { dots: true, diagonal: true, x: t("axis_confidence"), y: t("axis_answerable") })));
  }
  parts.push(grid);
  const wrong = report.questions.filter((question) => !question.right);
  if (report.questions.length) parts.push(panel(t("went_wrong", { wrong: wrong.length, total: report.questions.length }), questionsElement(wrong)));
  for (const part of report.retrievals) {
    if (part.worst.length) parts.push(panel(t("lowest"), queriesElement(part.worst)));
  }
  box.replaceChildren(...parts);
}

function panel(title, content) {
  const box = make("section", "exam-panel");
  box.append(make("h3", "", title), content);
  return box;
}

function intervalsElement(figures) {
  const table = make("table", "intervals");
  for (const { name, value, low, high, n } of figures) {
    if (!n || value === null) continue;
    const row = make("tr");
    const head = make("th", "", named("measure", name));
    head.scope = "row";
    const cell = make("td", "line-cell");
    if (high <= 1 && !name.startsWith("latency")) cell.append(intervalLine(value, low, high, 0, 1));
    row.append(head, cell, make("td", "value-cell", value.toFixed(3)), make("td", "faint", `${low.toFixed(3)}–${high.toFixed(3)}, n = ${n}`));
    table.append(row);
  }
  return table;
}

function differencesElement(rows) {
  const table = make("table", "intervals");
  const widest = Math.max(...rows.map(({ low, high }) => Math.max(Math.abs(low), Math.abs(high))), 0.01);
  for (const { measure, before, now, difference, low, high, p, n, better, worse } of rows) {
    const row = make("tr");
    const head = make("th", "", named("measure", measure));
    head.scope = "row";
    const cell = make("td", "line-cell");
    cell.append(intervalLine(difference, low, high, -widest, widest));
    const verdict = named("change", p < 0.05 ? (difference > 0 ? "better" : "worse") : "chance");
    row.append(
      head,
      cell,
      make("td", "value-cell", `${before.toFixed(3)} → ${now.toFixed(3)}`),
      make("td", p < 0.05 ? (difference > 0 ? "good" : "bad") : "faint", t("change_details", { verdict, p: p.toFixed(3), better, worse, n })),
    );
    table.append(row);
  }
  return table;
}

function draw(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function intervalLine(value, low, high, from, to) {
  const at = (number) => 4 + (132 * (number - from)) / (to - from);
  const image = draw("svg", { viewBox: "0 0 140 14", class: "interval", "aria-hidden": "true" });
  image.append(draw("line", { x1: 4, x2: 136, y1: 7, y2: 7, class: "axis" }));
  if (from < 0) image.append(draw("line", { x1: at(0), x2: at(0), y1: 1, y2: 13, class: "axis" }));
  image.append(
    draw("line", { x1: at(low), x2: at(high), y1: 7, y2: 7, class: "reach" }),
    draw("circle", { cx: at(value), cy: 7, r: 3.5, class: "dot" }),
  );
  return image;
}

// Points are [x, y] or [x, y, low, high], all y from 0 to 1; x as well, unless it is drawn by its logarithm.
function curveElement(points, { x, y, log = false, dots = false, diagonal = false }) {
  const [width, height, left, bottom] = [360, 210, 40, 34];
  const scale = (number) => (log ? Math.log10(number) / Math.log10(points.at(-1)[0]) : number);
  const across = (number) => left + (width - left - 12) * scale(number);
  const up = (number) => 8 + (height - bottom - 8) * (1 - number);
  const told = points.map(([a, b]) => `${x} ${+a.toFixed(3)}: ${y} ${b.toFixed(3)}`).join("; ");
  const image = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img", "aria-label": told.slice(0, 2000) });
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    image.append(
      draw("line", { x1: left, x2: width - 12, y1: up(tick), y2: up(tick), class: "axis" }),
      draw("text", { x: left - 6, y: up(tick) + 4, "text-anchor": "end" }, String(tick)),
    );
  }
  for (const tick of log ? points.map(([a]) => a) : [0, 0.25, 0.5, 0.75, 1]) {
    image.append(draw("text", { x: across(tick), y: height - bottom + 16, "text-anchor": "middle" }, String(tick)));
  }
  image.append(draw("text", { x: (left + width) / 2, y: height - 3, "text-anchor": "middle" }, t("axes", { x, y })));
  if (diagonal) image.append(draw("line", { x1: across(0), x2: across(1), y1: up(0), y2: up(1), class: "axis dashed" }));
  if (points[0].length > 2) {
    const ring = [...points.map(([a, , , high]) => [a, high]), ...points.toReversed().map(([a, , low]) => [a, low])];
    image.append(draw("polygon", { points: ring.map(([a, b]) => `${across(a)},${up(b)}`).join(" "), class: "band" }));
  }
  image.append(draw("polyline", { points: points.map(([a, b]) => `${across(a)},${up(b)}`).join(" "), class: "reach" }));
  if (dots || points.length < 15) for (const [a, b] of points) image.append(draw("circle", { cx: across(a), cy: up(b), r: 3, class: "dot" }));
  return image;
}

function questionsElement(questions) {
  const list = make("ul", "exam-list");
  for (const question of questions) {
    const verdict = named("wrong", !question.answered ? "declined" : question.answerable ? "citation" : "answered");
    const confidence = t("confidence", { number: question.confidence.toFixed(2) });
    list.append(wentWrong(question.question, `${question.id}, ${question.pair}: ${verdict}; ${confidence}`, question.gold, question.evidence));
  }
  return questions.length ? list : make("p", "good", t("none_wrong"));
}

function queriesElement(queries) {
  const list = make("ul", "exam-list");
  for (const query of queries) list.append(wentWrong(query.text, `${query.id}: ${query.measure} ${query.value.toFixed(3)}`, query.right.map(({ text }) => text), query.found));
  return list;
}

function wentWrong(question, verdict, right, found) {
  const item = make("li");
  const box = make("details");
  const words = make("summary", "");
  const asked = make("span", "", question);
  asked.dir = "auto";
  words.append(asked, make("span", "faint", ` ${verdict}`));
  box.append(words, make("h4", "", t("wanted")), quotes(right.length ? right : [t("no_answer_there")]), make("h4", "", t("found")), quotes(found.map(({ text, source, right: isRight }) => `${isRight ? "✓ " : ""}${source}: ${text}`)));
  item.append(box);
  return item;
}

function quotes(texts) {
  const list = make("ul", "exam-quotes");
  for (const text of texts) {
    const item = make("li", "", text.length > 400 ? `${text.slice(0, 400)}…` : text);
    item.dir = "auto";
    list.append(item);
  }
  return list;
}

// Events

examForm.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
examForm.elements.set.addEventListener("change", showHint);
examForm.elements.past.addEventListener("change", (event) => showRun(event.target.value));
within(".exam-cancel").addEventListener("click", () => call("evaluation_cancel", {}));

views.evaluation = {
  shown() {
    choose();
  },
};
