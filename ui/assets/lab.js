// A question, and how two settings rank the passages for it.

const lab = root.querySelector("section.view-lab");
const within = (selector) => lab.querySelector(selector);
const trial = within(".trial");
const keepBar = within(".keep-bar");
const PARTS = ["dense", "lexical", "late"];
const SIDES = ["left", "right"];
const tunings = [...lab.querySelectorAll(".tuning")]; // of the left and of the right

let knobs = {}; // by setting, what can be tuned in it and what is usual
const tuned = [{}, {}]; // by side: the numbers that are not as usual, by name

let compared = null; // what was asked last
let comparing = 0;
const marks = new Map(); // by the passage's id: what it is, "right" or "wrong", and which words were selected
let isPrepared = false;
let preparing = null; // until it is known what there is

// Whenever the lab is shown: the archive may hold more than before.
async function prepare() {
  const reply = await call("lab_settings", {});
  if (reply.kind !== "settings") {
    within(".rankings").replaceChildren(problemElement(reply.message));
    return;
  }
  within(".unfilled").hidden = reply.passages > 0;
  within(".bench").hidden = !reply.passages;
  if (!isPrepared) {
    knobs = reply.knobs;
    for (const [side, chosen] of ["full", "fused"].entries()) {
      const field = trial.elements[SIDES[side]];
      field.replaceChildren(...reply.settings.map((name) => optionElement(name, named("setting", name))));
      field.value = chosen;
      showKnobs(side);
    }
    trial.elements.passages.max = reply.most;
    showCases(reply.cases);
  }
  isPrepared = true;
  within("#dragoman-lab-outlets").replaceChildren(...reply.outlets.map((name) => optionElement(name)));
  showLanguages(reply.languages);
}

function showLanguages(languages) {
  const box = within(".trial-languages");
  const chosen = new Set(chosenLanguages());
  box.hidden = !languages.length;
  box.replaceChildren(
    ...languages.map((lang) => {
      const label = make("label", "pick");
      const tick = make("input");
      tick.type = "checkbox";
      tick.name = "lang";
      tick.value = lang;
      tick.checked = chosen.has(lang);
      label.append(tick, capital(languageName(lang)));
      return label;
    }),
  );
  const asked = keepBar.elements.lang;
  const { value } = asked;
  asked.replaceChildren(asked.options[0], ...languages.filter((lang) => lang !== "und").map((lang) => optionElement(lang, capital(languageName(lang)))));
  asked.value = value;
}

function chosenLanguages() {
  return [...within(".trial-languages").querySelectorAll("input:checked")].map((box) => box.value);
}

function optionElement(value, label) {
  const option = make("option", "", label);
  option.value = value;
  return option;
}

async function compare() {
  const mine = ++comparing;
  const question = trial.elements.question.value.trim();
  if (!question) trial.elements.question.focus();
  if (!question) return;
  await preparing; // who is quick may ask before it is known what there is to compare
  const outcome = within(".outcome");
  outcome.setAttribute("aria-busy", "true");
  const reply = await call("lab_rank", {
    question,
    settings: SIDES.map((field) => trial.elements[field].value),
    tuned: [0, 1].map(inForce),
    passages: trial.elements.passages.valueAsNumber,
    languages: chosenLanguages(),
    after: trial.elements.after.value,
    before: trial.elements.before.value,
    outlets: [trial.elements.outlet.value.trim()].filter(Boolean),
  });
  if (mine !== comparing) return;
  outcome.removeAttribute("aria-busy");
  if (reply.kind !== "rankings") {
    within(".rankings").replaceChildren(problemElement(reply.message));
    return;
  }
  for (const [side, ranking] of reply.rankings.entries()) {
    knobs[ranking.name] = ranking.knobs; // what is usual for a question is not for a headline
    if (trial.elements[SIDES[side]].value === ranking.name) showKnobs(side);
  }
  if (compared?.question !== reply.question) marks.clear();
  compared = reply;
  showRankings();
  showMarks();
}

// The sliders of one side. What was set by hand stays while another setting is looked at that has no such slider.

function knobsOf(side) {
  return knobs[trial.elements[SIDES[side]].value] ?? [];
}

function inForce(side) {
  const names = new Set(knobsOf(side).map((knob) => knob.name));
  return Object.fromEntries(Object.entries(tuned[side]).filter(([name]) => names.has(name)));
}

function showKnobs(side) {
  const box = tunings[side].querySelector(".knobs");
  const names = knobsOf(side).map((knob) => knob.name);
  if (box.dataset.names !== names.join()) {
    box.dataset.names = names.join();
    box.replaceChildren(...names.map((name) => knobElement(side, name)));
    if (!names.length) box.append(make("p", "faint", t("nothing_to_tune")));
  }
  for (const knob of knobsOf(side)) {
    const row = box.querySelector(`[data-knob="${knob.name}"]`);
    const slider = row.querySelector("input");
    Object.assign(slider, { min: knob.low, max: knob.high, step: knob.step });
    slider.value = tuned[side][knob.name] ?? knob.usual;
    row.querySelector("output").textContent = figure(slider.valueAsNumber);
    row.querySelector(".knob-usual").textContent = t("usually", { value: figure(knob.usual) });
    row.querySelector("option").value = knob.usual;
    row.classList.toggle("is-tuned", knob.name in tuned[side]);
  }
  const count = Object.keys(inForce(side)).length;
  tunings[side].querySelector(".tuned").textContent = count ? t("tuned", { count }) : "";
  tunings[side].querySelector(".usual").disabled = !count;
}

function knobElement(side, name) {
  const row = make("label", "knob");
  row.dataset.knob = name;
  const slider = make("input");
  slider.type = "range";
  const marks = make("datalist"); // marks what is usual
  marks.id = `dragoman-usual-${side}-${name}`;
  marks.append(make("option"));
  slider.setAttribute("list", marks.id);
  slider.setAttribute("aria-label", `${t(SIDES[side])}: ${named("knob", name)}`);
  slider.addEventListener("input", () => {
    const { usual } = knobsOf(side).find((knob) => knob.name === name);
    if (slider.valueAsNumber === usual) delete tuned[side][name];
    else tuned[side][name] = slider.valueAsNumber;
    showKnobs(side);
    compareSoon();
  });
  const what = make("span", "knob-name", named("knob", name));
  const numbers = make("span", "knob-numbers");
  numbers.append(make("output"), make("span", "knob-usual faint"));
  row.title = named("knob", `${name} means`);
  row.append(what, slider, marks, numbers);
  return row;
}

function tunedElement({ knobs: all, tuned: numbers }) {
  const told = all
    .filter((knob) => knob.name in numbers)
    .map((knob) => t("tuned_to", { what: named("knob", knob.name), value: numbers[knob.name], usual: knob.usual }));
  return make("p", "tuned-to", told.join(" · "));
}

function showRankings() {
  const places = compared.rankings.map(({ hits }) => new Map(hits.map((hit, place) => [hit.id, place + 1])));
  const scales = Object.fromEntries(
    PARTS.map((part) => [part, Math.max(...compared.rankings.flatMap(({ hits }) => hits.map((hit) => hit.parts[part])), 1e-9)]),
  );
  const both = [...places[0].keys()].filter((id) => places[1].has(id));
  const stayed = both.filter((id) => places[0].get(id) === places[1].get(id)).length;
  within(".outcome-words").textContent = t("shared_passages", {
    both: both.length,
    total: t("passages_of", { count: places[0].size }),
    stayed,
  });
  within(".rankings").replaceChildren(
    ...compared.rankings.map((ranking, side) => rankingElement(ranking, places[side], places[1 - side], scales, side)),
  );
}

function rankingElement(ranking, places, others, scales, side) {
  const box = make("section", "ranking");
  const label = named("setting", ranking.name);
  box.append(make("h2", "", label));
  box.setAttribute("aria-label", `${t(side ? "right" : "left")}: ${label}`);
  if (ranking.meant) {
    const meant = make("p", "faint", `${t("understood_as")} ${ranking.meant}`);
    meant.dir = "auto";
    box.append(meant);
  }
  if (Object.keys(ranking.tuned).length) box.append(tunedElement(ranking));
  const list = make("ol", "hits");
  for (const hit of ranking.hits) list.append(hitElement(hit, places.get(hit.id), others.get(hit.id), scales, side));
  box.append(ranking.hits.length ? list : make("p", "faint", t("nothing_found")));
  return box;
}

function movedElement(here, there, side) {
  const other = side ? "on left" : "on right";
  if (!there) return make("span", "moved only", named("not", other));
  if (here === there) return make("span", "moved faint", named("same", other));
  const told = t(side ? "moved_on_left" : "moved_on_right", { place: there });
  return make("span", here < there ? "moved up" : "moved down", `${here < there ? "↑" : "↓"} ${told}`);
}

function hitElement(hit, here, there, scales, side) {
  const item = make("li", "hit");
  item.dataset.passage = hit.id;
  const head = make("div", "hit-head");
  const title = make("span", "hit-title", hit.title || t("untitled"));
  title.dir = "auto";
  setLanguage(title, hit.lang);
  head.append(make("span", "rank", String(here)), title, movedElement(here, there, side));
  const facts = make("p", "hit-facts faint", [hit.date, languageName(hit.lang), hit.source].filter(Boolean).join(" · "));
  facts.dir = "auto";
  const words = make("p", "hit-text", hit.text);
  words.dir = "auto";
  setLanguage(words, hit.lang);
  const more = makeButton("more", t("show_all"), () => {
    const isOpen = item.classList.toggle("open");
    more.textContent = t(isOpen ? "show_less" : "show_all");
    more.setAttribute("aria-expanded", String(isOpen));
  });
  more.setAttribute("aria-expanded", "false");
  const why = [
    ...(hit.terms.length ? [make("p", "hit-facts faint", t("has_terms", { terms: hit.terms.join(", ") }))] : []),
    ...hit.moves.map((move) => toldElement("p", "hit-facts faint", move)),
  ];
  const foot = make("div", "hit-foot");
  foot.append(markElement(hit, "right"), markElement(hit, "wrong"), more);
  item.append(head, facts, partsElement(hit, scales), words);
  for (const line of why) {
    line.dir = "auto";
    item.append(line);
  }
  item.append(foot);
  for (const [kind, isOver] of [["mouseenter", true], ["mouseleave", false], ["focusin", true], ["focusout", false]]) {
    item.addEventListener(kind, () => {
      for (const other of lab.querySelectorAll(".hit")) other.classList.toggle("same", isOver && other.dataset.passage === hit.id);
    });
  }
  return item;
}

function partsElement(hit, scales) {
  const list = make("dl", "parts");
  const total = make("div", "part");
  total.append(make("dt", "", t("part_score")), make("dd", "value", hit.score.toFixed(3)));
  list.append(total);
  for (const part of PARTS) {
    const value = hit.parts[part];
    const row = make("div", "part");
    row.title = named("part", `${part} means`);
    const bar = make("span", "bar-line");
    const filled = make("span", "bar-filled");
    filled.style.width = `${Math.max(0, Math.min(1, value / scales[part])) * 100}%`;
    bar.append(filled);
    const amount = make("dd", "value", value ? value.toFixed(3) : "–");
    amount.prepend(bar);
    row.append(make("dt", "", named("part", part)), amount);
    list.append(row);
  }
  return list;
}

// Marks, and the question kept with them

function markElement(hit, verdict) {
  const button = makeButton(`mark-as ${verdict}`, named("mark", verdict), () => {
    if (marks.get(hit.id)?.verdict === verdict) marks.delete(hit.id);
    else marks.set(hit.id, { verdict, hit, ...selectedIn(button.closest(".hit").querySelector(".hit-text")) });
    showMarks();
  });
  button.addEventListener("pointerdown", (event) => event.preventDefault()); // so that selected words stay selected
  return button;
}

// What is selected of a passage, in code points; nothing is 0 to 0.
function selectedIn(words) {
  const selection = window.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return { from: 0, to: 0 };
  const range = selection.getRangeAt(0);
  const text = words.firstChild;
  if (range.startContainer !== text || range.endContainer !== text) return { from: 0, to: 0 };
  const before = [...text.data.slice(0, range.startOffset)].length;
  return { from: before, to: before + [...text.data.slice(range.startOffset, range.endOffset)].length };
}

function showMarks() {
  for (const item of lab.querySelectorAll(".hit")) {
    const mark = marks.get(item.dataset.passage);
    for (const verdict of ["right", "wrong"]) {
      item.querySelector(`.mark-as.${verdict}`).setAttribute("aria-pressed", String(mark?.verdict === verdict));
    }
    item.classList.toggle("is-right", mark?.verdict === "right");
    item.classList.toggle("is-wrong", mark?.verdict === "wrong");
  }
  const [right, wrong] = ["right", "wrong"].map((verdict) => [...marks.values()].filter((mark) => mark.verdict === verdict).length);
  const selected = [...marks.values()].filter((mark) => mark.verdict === "right" && mark.to > mark.from).length;
  keepBar.hidden = !marks.size;
  within(".keep-count").textContent = right
    ? `${t("marked", { right, wrong })} ${t(selected === right ? "selected_words" : "whole_passage")}`
    : t("none_right", { wrong });
}

function showCases({ file, count }) {
  within(".keep-where").textContent = t("questions_in_file", { count, file });
}

async function keep() {
  const place = ({ hit, from, to }) => ({ source: hit.source, start: hit.start, end: hit.end, from, to });
  const of = (verdict) => [...marks.values()].filter((mark) => mark.verdict === verdict).map(place);
  const reply = await call("lab_keep", {
    question: compared.question,
    lang: keepBar.elements.lang.value,
    right: of("right"),
    wrong: of("wrong"),
  });
  if (reply.kind !== "kept") {
    notice(reply.message);
    return;
  }
  marks.clear();
  showMarks();
  showCases(reply.cases);
  notice(t("added", { questions: t("questions_in_file", reply.cases) }));
  trial.elements.question.focus();
}

// Events

trial.addEventListener("submit", (event) => {
  event.preventDefault();
  compare();
});
let sliding = 0;

function compareSoon() {
  clearTimeout(sliding);
  if (compared) sliding = setTimeout(compare, 300);
}

trial.addEventListener("input", (event) => {
  if (event.target.name !== "passages") return;
  within(".amount").textContent = event.target.value;
  compareSoon();
});
trial.addEventListener("change", (event) => {
  const side = SIDES.indexOf(event.target.name);
  if (side >= 0) showKnobs(side);
  if (compared && event.target.type !== "range" && event.target.name !== "question") compare();
});
for (const [side, box] of tunings.entries()) {
  box.querySelector(".usual").addEventListener("click", () => {
    for (const name of Object.keys(inForce(side))) delete tuned[side][name];
    showKnobs(side);
    box.querySelector("summary").focus(); // the button is of no more use
    if (compared) compare();
  });
}
keepBar.addEventListener("submit", (event) => {
  event.preventDefault();
  keep();
});

within(".fill").addEventListener("click", () => show("library"));

views.lab = {
  shown() {
    preparing = prepare();
  },
};
