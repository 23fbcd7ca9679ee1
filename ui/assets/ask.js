// The composer, the filters, the reply that is being made, and the keys.

const form = find(".composer");
const question = form.elements.question;
const send = find(".send");
const stopButton = find(".stop");
const filters = find(".filters");

let running = null; // {id, turn, stopped} of the reply that is being made
let archives = 0; // counts looks at what there is to ask: only the last goes on
let edited = null; // the turn whose question is being edited
const next = []; // what to ask once the reply that is being made is whole: [question, turn that it replaces or null]

// Ask

async function ask(text, replacing = null) {
  if (running) {
    next.push([text, replacing]);
    showNext();
    return;
  }
  await answer(text, turns.includes(replacing) ? replacing : null);
  if (!running && next.length) {
    const following = next.shift();
    showNext();
    ask(...following);
  }
}

function showNext() {
  find(".asked-next span").textContent = t("asked_next", { questions: next.map(([text]) => text).join(" · ") });
  find(".asked-next").hidden = !next.length;
}

// Nothing that was typed is lost.
function takeBackNext() {
  question.value = [question.value.trim(), ...next.map(([text]) => text)].filter(Boolean).join(" ");
  next.length = 0;
  showNext();
  fitQuestion();
}

async function answer(text, replaced) {
  const place = replaced ? turns.indexOf(replaced) : turns.length;
  const earlier = turns.slice(0, place).map((turn) => turn.question);
  const replacing = turns.slice(place);
  for (const turn of replacing) turn.box.hidden = true;
  const turn = beginTurn(text);
  showThinking(turn);
  const mine = { id: "", turn, stopped: false };
  setRunning(mine);
  showPane("chat");
  closeReading();
  turn.box.scrollIntoView({ block: "start" });
  const last = await follow(mine, {
    question: text,
    earlier,
    ...chosenFilters(),
    translate: filters.elements.translate.checked,
    conversation: current,
    replaces: replaced?.key ?? 0,
  });
  if (running === mine) setRunning(null);
  if (!turn.box.isConnected) return; // another conversation was opened meanwhile
  for (const old of replacing) old.box.hidden = false;
  if (last?.kind === "answer" || last?.kind === "abstention") {
    for (const old of replacing) old.box.remove();
    turns.splice(place, replacing.length);
    turn.key = last.turn;
    finishTurn(turn, last);
    showEvidence(turn);
    showHoldings(last.index);
    if (last.conversation !== current) setCurrent(last.conversation, text);
    listConversations();
  } else if (mine.stopped) {
    stopTurn(turn);
  } else {
    finishTurn(turn, last ?? { kind: "error", message: t("failed") });
    turns.splice(turns.indexOf(turn), 1); // it is no part of the conversation
    question.value ||= text; // so that it need not be typed again
    fitQuestion();
  }
}

// The last event of a reply, those before it being shown as they come; nothing if it was stopped.
async function follow(mine, request) {
  let seen = 0;
  let reply = await call("ask", request);
  while (reply.kind === "running") {
    mine.id = reply.id;
    if (mine.stopped) {
      call("stop", { id: mine.id });
      return null;
    }
    for (const event of reply.events) {
      if (event.kind === "searching") addSearching(mine.turn, event);
      else if (event.kind === "statement") addStatement(mine.turn, event);
      else return explained(event);
    }
    if (reply.done) return null;
    seen += reply.events.length;
    reply = await call("more", { id: mine.id, seen });
  }
  return reply;
}

function setRunning(now) {
  running = now;
  send.hidden = Boolean(now);
  stopButton.hidden = !now;
  if (now) log.setAttribute("aria-busy", "true");
  else log.removeAttribute("aria-busy");
}

function stop() {
  if (!running) return;
  running.stopped = true;
  if (running.id) call("stop", { id: running.id });
  setRunning(null);
  takeBackNext();
}

function editTurn(turn) {
  edited = turn;
  question.value = turn.question;
  const later = turns.length - 1 - turns.indexOf(turn);
  const what = [t("ask_this_again"), ...(later > 0 ? [t("later_replies", { count: later })] : [])];
  find(".editing span").textContent = what.join(" ");
  find(".editing").hidden = false;
  fitQuestion();
  question.focus();
}

function stopEditing() {
  edited = null;
  find(".editing").hidden = true;
  question.value = "";
  fitQuestion();
}

function submit() {
  const text = question.value.trim();
  if (!text) {
    question.focus();
    return;
  }
  const replaced = edited;
  stopEditing();
  ask(text, replaced);
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

// Filters

function chosenLanguages() {
  return [...filters.querySelectorAll('input[name="language"]:checked')].map((box) => box.value);
}

function chosenFilters() {
  const source = filters.elements.source.value.trim();
  const outlet = filters.elements.outlet.value.trim();
  return {
    languages: chosenLanguages(),
    after: filters.elements.after.value.trim(),
    before: filters.elements.before.value.trim(),
    sources: source ? [source] : [],
    outlets: outlet ? [outlet] : [],
  };
}

// Each with its name and what takes it away.
function filtersInForce() {
  const { after, before, source, outlet } = filters.elements;
  const boxes = [...filters.querySelectorAll('input[name="language"]:checked')];
  return [
    ...boxes.map((box) => [capital(languageName(box.value)), () => (box.checked = false)]),
    ...[
      [after, "filter_from"],
      [before, "filter_to"],
      [source, "filter_in"],
      [outlet, "filter_outlet"],
    ].flatMap(([field, key]) =>
      field.value.trim() ? [[t(key, { value: field.value.trim() }), () => (field.value = "")]] : [],
    ),
  ];
}

function clearFilters() {
  for (const [, remove] of filtersInForce()) remove();
  showFilters();
}

function showFilters() {
  const active = find(".active");
  const inForce = filtersInForce();
  active.hidden = !inForce.length;
  active.replaceChildren(
    ...inForce.map(([name, remove]) => {
      const chip = makeButton("filter", "", () => {
        remove();
        showFilters();
        question.focus();
      });
      chip.setAttribute("aria-label", t("remove_filter", { name }));
      chip.append(quoted("span", "filter-name", name), make("span", "filter-remove", "×"));
      return chip;
    }),
  );
}

function optionElement(value) {
  const option = make("option");
  option.value = value;
  return option;
}

async function offerSources() {
  const asked = filters.elements.source.value;
  const reply = await call("sources", { text: asked });
  // Replies may come in another order than they were asked for.
  if (reply.kind !== "sources" || filters.elements.source.value !== asked) return;
  find("#dragoman-sources").replaceChildren(...reply.paths.map(optionElement));
  find("#dragoman-outlets").replaceChildren(...reply.outlets.map(optionElement));
}

function showLanguages(overview) {
  showHoldings(overview);
  if (overview.kind !== "overview") return;
  if (overview.writer !== undefined) find(".translating").hidden = !overview.writer; // not told with a reply
  const offered = [...filters.querySelectorAll('input[name="language"]')].map((box) => box.value);
  if (offered.join() === overview.languages.join()) return; // what has the focus keeps it
  const chosen = new Set(chosenLanguages());
  find(".languages").replaceChildren(
    ...overview.languages.map((lang) => {
      const label = make("label", "language");
      const box = make("input");
      box.type = "checkbox";
      box.name = "language";
      box.value = lang;
      box.checked = chosen.has(lang);
      label.append(box, make("span", "", capital(languageName(lang))));
      return label;
    }),
  );
  showFilters();
}

async function showExamples() {
  const reply = await call("examples", {});
  if (reply.kind !== "examples") return;
  exampleQuestions = reply.questions;
  find(".examples").replaceChildren(...questionButtons(exampleQuestions));
}

// What there is to ask, and again as long as there is nothing, or not all of it is found by its meaning.
async function showArchive() {
  const mine = ++archives;
  const overview = await call("overview", {});
  if (mine !== archives) return;
  showLanguages(overview);
  if (overview.kind !== "overview") return;
  const isEmpty = !overview.passages;
  find(".unfilled").hidden = !isEmpty;
  form.hidden = filters.hidden = isEmpty;
  find(".chat").classList.toggle("nothing-yet", isEmpty);
  if (!isEmpty && !(overview.pending && exampleQuestions.length)) showExamples();
  if (!isEmpty && !overview.pending) return;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  if (mine === archives && !root.querySelector(".view-ask").hidden) showArchive();
}

// Keys and events

function moveThroughCitations(step) {
  const chips = [...log.querySelectorAll(".turn:not([hidden]) .chip")];
  if (!chips.length) return;
  const from = chips.indexOf(chips.includes(openedBy) ? openedBy : document.activeElement);
  const to = from < 0 ? (step > 0 ? 0 : chips.length - 1) : Math.max(0, Math.min(chips.length - 1, from + step));
  const reads = !reading.hidden;
  chips[to].focus({ focusVisible: true });
  chips[to].scrollIntoView({ block: "nearest" });
  if (reads) chips[to].click();
}

function onKey(event) {
  if (root.querySelector(".view-ask").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (!tip.hidden && reading.hidden) hideTip();
    else if (!reading.hidden) closeReading();
    else if (running) stop();
    else if (edited) stopEditing();
    return;
  }
  if (event.target.closest?.("input, textarea, select")) return;
  if (event.key === "/") {
    event.preventDefault();
    showPane("chat");
    question.focus();
  } else if (event.key === "j") moveThroughCitations(1);
  else if (event.key === "k") moveThroughCitations(-1);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
stopButton.addEventListener("click", stop);
find(".keep").addEventListener("click", stopEditing);
find(".take-back").addEventListener("click", takeBackNext);
question.addEventListener("keydown", (event) => {
  // An Enter that ends the composing of a character is not one that sends.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
question.addEventListener("input", fitQuestion);
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("input", showFilters);
filters.elements.source.addEventListener("input", offerSources);
filters.elements.source.addEventListener("focus", offerSources);
filters.elements.outlet.addEventListener("focus", offerSources);
document.addEventListener("keydown", onKey);

showPane("chat");
noEvidence();
find(".fill").addEventListener("click", () => show("library"));
listConversations();

views.ask = {
  // `rest` of the address is the conversation that is open.
  shown(rest) {
    showArchive();
    if (rest && rest !== current) openConversation(rest);
    else place("ask", current);
  },
};
