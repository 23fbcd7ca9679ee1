// Turns: a question, what is said to it, and what can be done with that.

const log = find(".log");

let exampleQuestions = [];
// Of the open conversation, oldest first: {box, body, question, reply, key, verdict}; `key` is 0 until it is kept.
const turns = [];

const VERDICTS = ["wrong answer", "wrong citation", "missing source", "should have declined"];

function turnOf(target) {
  return turns.find((turn) => turn.box.contains(target)) ?? (list.contains(target) ? listed : null);
}

function clearLog() {
  turns.length = 0;
  for (const box of log.querySelectorAll(".turn")) box.remove();
  find(".welcome").hidden = false;
}

function beginTurn(text) {
  find(".welcome").hidden = true;
  const turn = { question: text, reply: {}, key: 0, verdict: "" };
  turn.box = make("section", "turn");
  const row = make("div", "asked");
  row.append(make("p", "question", text));
  turn.edit = makeButton("quiet edit", t("edit"), () => editTurn(turn));
  turn.edit.setAttribute("aria-label", t("edit_and_ask_again"));
  row.append(turn.edit);
  turn.body = make("div", "body");
  turn.box.append(row, turn.body);
  turns.push(turn);
  log.append(turn.box);
  return turn;
}

// While it is being made

function showThinking(turn) {
  turn.thinking = make("p", "thinking", t("thinking"));
  turn.thinking.append(make("span", "dots"));
  turn.answer = make("ol", "reply answer");
  turn.answer.setAttribute("aria-busy", "true");
  turn.body.replaceChildren(turn.thinking);
}

function addSearching(turn, extent) {
  turn.searched = searchedElement({ meant: "", ...extent });
  turn.body.prepend(turn.searched);
}

function addStatement(turn, statement) {
  (turn.reply.statements ??= []).push(statement);
  turn.answer.append(statementElement(turn, statement));
  if (!turn.answer.isConnected) turn.thinking.before(turn.answer);
  showEvidence(turn);
}

// What was said before it was stopped stays, and is not kept.
function stopTurn(turn) {
  turn.thinking.replaceWith(make("p", "stopped", t("stopped")), toolsElement(turn));
  turn.answer.removeAttribute("aria-busy");
}

// When it is whole

function finishTurn(turn, reply) {
  turn.reply = reply;
  const parts = [];
  if (reply.searched && reply.kind !== "abstention") parts.push(searchedElement(reply.searched));
  if (reply.kind === "answer") {
    const said = [...(turn.answer?.children ?? [])];
    const same = said.length === reply.statements.length && !reply.translated_by; // translations come last
    const answer = turn.answer ?? make("ol", "reply answer");
    // What is on the page already stays, and so does the focus in it.
    if (!same) answer.replaceChildren(...reply.statements.map((statement) => statementElement(turn, statement)));
    // How a statement is supported may be known only when all is said.
    for (const [place, badge] of [...answer.querySelectorAll(".badge")].entries()) {
      badge.replaceWith(badgeElement(reply.statements[place]));
    }
    answer.removeAttribute("aria-busy");
    parts.push(answer, ...notesElements(reply), ...disagreementElements(turn, reply));
  } else if (reply.kind === "abstention") {
    parts.push(abstentionElement(turn, reply));
  } else {
    const problem = problemElement(reply.message);
    problem.classList.add("reply");
    parts.push(problem);
  }
  if (reply.unkept) parts.push(toldElement("p", "note", reply.unkept));
  if (reply.kind !== "error") parts.push(toolsElement(turn));
  if (reply.kind === "answer" && reply.suggestions?.length) parts.push(suggestionsElement(t("go_on_with"), reply.suggestions));
  turn.thinking?.remove();
  turn.searched?.remove();
  for (const old of [...turn.body.children]) if (!parts.includes(old)) old.remove();
  for (const [place, part] of parts.entries()) {
    if (turn.body.children[place] !== part) turn.body.insertBefore(part, turn.body.children[place] ?? null);
  }
}

function searchedElement({ meant, articles, first, last, languages }) {
  const days = first === last ? first : t("from_to", { first, last });
  const among = [t("articles", { count: articles }), days, languages.map(languageName).join(", ")];
  const box = make("p", "searched", t("searched", { what: among.filter(Boolean).join(" · ") }));
  if (meant) {
    const words = make("span", "meant", meant);
    words.dir = "auto";
    box.prepend(`${t("understood_as")} `, words, make("br"));
  }
  return box;
}

function statementElement(turn, statement) {
  const item = make("li", "statement");
  item.dir = "auto"; // from its words: the chips follow them, to the left where those run to the left
  const words = make("span", "words", "");
  const letters = Array.from(statement.text); // offsets count code points
  let shown = 0;
  for (const [start, end] of statement.answering) {
    words.append(letters.slice(shown, start).join(""), make("b", "", letters.slice(start, end).join("")));
    shown = end;
  }
  words.append(letters.slice(shown).join(""));
  setLanguage(words, statement.lang);
  // For the mouse: with keys its chips do the same.
  words.addEventListener("click", () => light(turn, statement.chips.map((pointer) => pointer.number)));
  item.append(words);
  // The space lets a line break before the chips; the chips of one statement stay together.
  const chips = make("span", "chips");
  chips.append(...statement.chips.map((pointer) => chipElement(pointer, t("citation"))));
  item.append(" ", chips, " ", badgeElement(statement));
  const { text, chips: pointers } = statement.context ?? { text: "" }; // not in what was kept before there was any
  if (text) {
    const context = quoted("p", "context", text, statement.lang);
    context.append(" ", ...pointers.map((pointer) => chipElement(pointer, t("context"))));
    item.append(context);
  }
  return item;
}

function badgeElement({ support, reports, independent }) {
  const badge = make("span", `badge support-${support.replace(" ", "-")}`, named("support", support));
  badge.title = named("support", `${support} means`);
  if (reports > 1) badge.append(` · ${t("reports", { count: reports })}, ${t("independent", { count: independent })}`);
  return badge;
}

function notesElements(reply) {
  const notes = [];
  if (reply.age) notes.push(ageElement(reply));
  if (reply.problem) {
    const what = make("p", "note", `${t(reply.written_by ? "not_finished" : "own_sentences")}: `);
    what.append(saidElement("span", "", `${reply.problem}.`, reply.problem_said));
    notes.push(what);
  }
  if (reply.written_by) notes.push(make("p", "note", t("written_by", { name: reply.written_by })));
  if (reply.untranslated) {
    const what = make("p", "note", `${t("not_translated")}: `);
    what.append(saidElement("span", "", `${reply.untranslated}.`, reply.untranslated_said));
    notes.push(what);
  }
  if (reply.dropped) notes.push(make("p", "note", t("left_out", { count: reply.dropped })));
  return notes;
}

function ageElement({ age, age_said: said }) {
  const values = said?.values ?? {};
  const apart = ["year", "month", "day"]
    .filter((unit) => values[unit])
    .map((unit) => t(`apart_${unit}`, { count: values[unit] }))
    .join(" ");
  return saidElement("p", "note", `${capital(age)}.`, { key: said?.key, values: { ...values, apart } });
}

function disagreementElements(turn, reply) {
  return reply.disagreements.map(({ about, sides }) => {
    const box = make("section", "disagreement");
    box.setAttribute("aria-label", t("sources_disagree"));
    box.append(make("h3", "", named("disagree", about)));
    const row = make("div", "sides");
    for (const { says, date, outlet, statements } of sides) {
      const side = make("div", "side-of");
      const said = make("ul", "side-statements");
      said.append(...statements.map((statement) => statementElement(turn, statement)));
      side.append(quoted("p", "side-says", about === "yes or no" ? t(says) : says), quoted("p", "side-about", [date, outlet].filter(Boolean).join(" · ")), said);
      row.append(side);
    }
    box.append(row);
    return box;
  });
}

function abstentionElement(turn, reply) {
  const box = make("section", "reply abstention");
  box.setAttribute("aria-label", t("not_told"));
  const reason = saidElement("p", "reason", reply.reason, reply.reason_said);
  box.append(make("p", "verdict", `${t("not_told")}.`), reason, searchedElement(reply.searched));
  if (filtersInForce().length) {
    box.append(
      makeButton("plain unfiltered", t("search_unfiltered"), () => {
        clearFilters();
        ask(turn.question, turn);
      }),
    );
  }
  if (reply.closest.length) {
    box.append(make("h3", "", t("closest_passages")));
    const items = make("ul", "closest");
    for (const pointer of reply.closest.slice(0, 3)) {
      const item = make("li");
      const chip = chipElement(pointer, t("closest_passage"));
      chip.append(quoted("span", "name", pointer.title || pointer.source, pointer.lang)); // what is too long loses its end
      item.append(chip);
      items.append(item);
    }
    box.append(items);
  }
  const better = reply.suggestions?.length ? reply.suggestions : exampleQuestions.slice(0, 3);
  if (better.length) box.append(suggestionsElement(t("can_be_answered"), better));
  return box;
}

function suggestionsElement(name, questions) {
  const box = make("div", "suggestions");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", name);
  box.append(make("span", "suggestions-name", name), ...questionButtons(questions));
  return box;
}

function questionButtons(questions) {
  return questions.map((text) => {
    const button = makeButton("suggestion", text, () => ask(text));
    button.dir = "auto";
    return button;
  });
}

// Copy, ask again, say what is wrong

function toolsElement(turn) {
  const tools = make("div", "turn-tools");
  tools.append(
    makeButton("quiet copy", t("copy"), () => copy(turn)),
    makeButton("quiet again", t("ask_again"), () => ask(turn.question, turn)),
  );
  if (turn.key) {
    const wrong = makeButton("quiet wrong", "", () => {
      if (tools.nextElementSibling?.classList.contains("feedback")) tools.nextElementSibling.remove();
      else {
        const form = feedbackElement(turn, wrong);
        tools.after(form);
        form.scrollIntoView({ block: "nearest" });
      }
    });
    nameFeedback(turn, wrong);
    tools.append(wrong);
  }
  return tools;
}

function nameFeedback(turn, button) {
  button.textContent = turn.verdict
    ? t("you_said", { verdict: named("verdict", turn.verdict).toLocaleLowerCase(tongue) })
    : t("something_wrong");
}

function feedbackElement(turn, button) {
  const box = make("form", "feedback");
  const choices = make("fieldset");
  choices.append(make("legend", "", t("what_is_wrong")));
  for (const value of VERDICTS) {
    const label = make("label", "choice");
    const radio = make("input");
    radio.type = "radio";
    radio.name = "verdict";
    radio.value = value;
    radio.required = true;
    radio.checked = turn.verdict === value;
    label.append(radio, make("span", "", named("verdict", value)));
    choices.append(label);
  }
  const words = make("input", "field");
  words.type = "text";
  words.dir = "auto";
  words.maxLength = 4000;
  words.placeholder = t("words_that_answer");
  words.setAttribute("aria-label", words.placeholder);
  const save = make("button", "plain", t("save"));
  box.append(choices, words, save);
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const verdict = new FormData(box).get("verdict");
    const reply = await call("feedback", { turn: turn.key, verdict, words: words.value });
    if (reply.kind === "error") {
      notice(reply.message);
      return;
    }
    turn.verdict = verdict;
    nameFeedback(turn, button);
    box.remove();
    button.focus();
  });
  return box;
}

// The reply as text, each statement with its numbers, and below it what those point at.
function asText({ question: asked, reply }) {
  const lines = [asked, ""];
  const sources = new Map();
  for (const statement of reply.statements ?? []) {
    lines.push(`${statement.text} ${statement.chips.map((pointer) => `[${pointer.number}]`).join("")}`);
    for (const pointer of statement.chips) sources.set(pointer.number, pointer);
  }
  if (reply.kind === "abstention") lines.push(`${t("not_told")}.`, saidText(reply.reason, reply.reason_said));
  lines.push("");
  for (const pointer of sources.values()) {
    const place = `${pointer.source}:${pointer.start}-${pointer.end}`;
    const about = [pointer.title, aboutPointer(pointer), place].filter(Boolean).join(" · ");
    lines.push(`[${pointer.number}] “${pointer.shown}” ${about}`);
  }
  return `${lines.join("\n").trim()}\n`;
}

async function copy(turn) {
  const text = asText(turn);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Of a page that comes neither from this machine nor over TLS a browser lets us copy only what is selected.
    const box = make("textarea", "copied", text);
    root.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  notice(t("copied"));
}
