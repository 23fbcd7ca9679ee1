// Questions, replies and the cited passage.

const log = find(".log");
const form = find(".composer");
const question = form.elements.question;
const send = find(".send");
const filters = find(".filters");
const panel = find(".panel");

const asked = []; // the questions of this conversation that got a reply, oldest first
let openedBy = null; // the chip whose passage the panel shows
let opening = 0; // counts clicks: only the last one may fill the panel

// What the index holds, and the filters

function showOverview(overview) {
  showHoldings(overview);
  if (overview.kind !== "overview") return;
  const list = find(".languages");
  const chosen = new Set(chosenLanguages());
  list.replaceChildren(
    ...overview.languages.map((lang) => {
      const label = make("label", "language");
      const box = make("input");
      box.type = "checkbox";
      box.name = "language";
      box.value = lang;
      box.checked = chosen.has(lang);
      label.append(box, make("span", "", languageName(lang)));
      return label;
    }),
  );
  showFilterState();
}

function chosenLanguages() {
  return [...root.querySelectorAll('input[name="language"]:checked')].map((box) => box.value);
}

function showFilterState() {
  const languages = chosenLanguages().map(languageName).join(", ") || "all languages";
  const after = form.elements.after.value.trim();
  const before = form.elements.before.value.trim();
  const days = [after && `from ${after}`, before && `to ${before}`].filter(Boolean).join(" ");
  find(".filters-state").textContent = `${languages}, ${days || "any date"}`;
  filters.classList.toggle("active", Boolean(chosenLanguages().length || days));
}

// Questions and replies

async function ask() {
  const text = question.value.trim();
  if (!text || send.disabled) return;
  find(".welcome")?.remove();
  const turn = make("section", "turn");
  turn.append(make("p", "question", text));
  const thinking = make("p", "thinking", "Reading the documents");
  thinking.append(make("span", "dots"));
  turn.append(thinking);
  log.append(turn);
  question.value = "";
  fitQuestion();
  send.disabled = true;
  log.setAttribute("aria-busy", "true");
  turn.scrollIntoView({ block: "start" });
  const reply = await call("ask", {
    question: text,
    earlier: asked,
    languages: chosenLanguages(),
    after: form.elements.after.value,
    before: form.elements.before.value,
  });
  thinking.replaceWith(...(reply.searched ? [searchedElement(reply.searched)] : []), replyElement(reply));
  log.removeAttribute("aria-busy");
  send.disabled = false;
  if (reply.kind === "error") question.value ||= text; // so that it need not be typed again
  else asked.push(text);
  fitQuestion();
  if (reply.index) showOverview(reply.index);
  turn.scrollIntoView({ block: "start" });
}

function searchedElement({ meant, articles, first, last, languages }) {
  const days = first === last ? first : `${first} to ${last}`;
  const among = [counted(articles, "article", "articles"), days, languages.map(languageName).join(", ")];
  const box = make("p", "searched", `Searched ${among.filter(Boolean).join(" · ")}`);
  if (meant) {
    const words = make("span", "meant", meant);
    words.dir = "auto";
    box.prepend("Understood as: ", words, make("br"));
  }
  return box;
}

function replyElement(reply) {
  if (reply.kind === "answer") return answerElement(reply);
  if (reply.kind === "abstention") return abstentionElement(reply);
  const problem = problemElement(reply.message);
  problem.classList.add("reply");
  return problem;
}

function answerElement(reply) {
  const list = make("ol", "reply answer");
  for (const statement of reply.statements) {
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
    item.append(words);
    // The space lets a line break before the chips; the chips of one statement stay together.
    const chips = make("span", "chips");
    chips.append(...statement.chips.map((pointer) => chipElement(pointer, "Citation")));
    item.append(" ", chips);
    list.append(item);
  }
  return list;
}

function abstentionElement(reply) {
  const box = make("div", "reply abstention");
  box.append(make("p", "verdict", "The documents do not tell."), make("p", "reason", reply.reason));
  if (reply.closest.length) {
    box.append(make("h3", "", "Closest passages"));
    const list = make("ul", "closest");
    for (const pointer of reply.closest) {
      const item = make("li");
      const chip = chipElement(pointer, "Closest passage");
      const name = make("span", "name", pointer.title || pointer.source);
      name.dir = "auto"; // so that what is too long loses its end, in every script
      setLanguage(name, pointer.lang);
      chip.append(name);
      item.append(chip);
      list.append(item);
    }
    box.append(list);
  }
  return box;
}

function chipElement(pointer, what) {
  const chip = make("button", "chip");
  chip.type = "button";
  chip.append(make("span", "number", `[${pointer.number}]`));
  const title = pointer.title ? `${pointer.title}, ` : "";
  const place = `${pointer.source}, characters ${pointer.start} to ${pointer.end}`;
  chip.setAttribute("aria-label", `${what} ${pointer.number}: ${title}${place}`);
  chip.setAttribute("aria-pressed", "false");
  chip.addEventListener("click", () => open(chip, pointer));
  return chip;
}

// The panel

async function open(chip, pointer) {
  const mine = ++opening;
  openedBy?.setAttribute("aria-pressed", "false");
  openedBy = chip;
  chip.setAttribute("aria-pressed", "true");
  panel.setAttribute("aria-busy", "true");
  const { source, document, start, end, quote } = pointer;
  const reply = await call("show", { source, document, start, end, quote });
  if (mine !== opening) return;
  panel.removeAttribute("aria-busy");
  panel.classList.add("open");
  panel.replaceChildren(closeElement(), ...(reply.kind === "article" ? articleElements(reply) : [replyElement(reply)]));
  if (narrow.matches) panel.scrollIntoView({ block: "start" });
  showMark();
}

function closeElement() {
  return makeButton("close", "Close", closePanel);
}

function closePanel() {
  opening++;
  panel.classList.remove("open");
  panel.replaceChildren(make("p", "panel-empty", "The cited words appear here, in their article."));
  openedBy?.setAttribute("aria-pressed", "false");
  openedBy?.focus();
  openedBy = null;
}

function articleElements(article) {
  const title = make("h2", "title", article.title || "Untitled");
  setLanguage(title, article.lang);
  const facts = make("dl", "facts");
  for (const [name, value] of [
    ["Date", article.date || "not given"],
    ["Language", languageName(article.lang)],
    ["File", article.source],
    ["Characters", `${article.start}–${article.end}`],
  ]) {
    const fact = make("div", `fact fact-${name.toLowerCase()}`);
    fact.append(make("dt", "", name), make("dd", "", value));
    facts.append(fact);
  }
  const text = make("div", "article");
  text.tabIndex = 0; // so that the keyboard can scroll it
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", "Article, the cited words marked");
  text.setAttribute("aria-live", "off"); // the facts are read out; a whole article would be too much
  setLanguage(text, article.lang);
  for (const piece of article.pieces) {
    if (piece.after_gap) {
      const gap = make("span", "gap", "⋯");
      gap.setAttribute("aria-label", "text of the file that is not part of the article");
      gap.setAttribute("role", "img");
      text.append(gap);
    }
    text.append(piece.marked ? make("mark", "", piece.text) : document.createTextNode(piece.text));
  }
  return [title, facts, text];
}

function showMark() {
  const text = panel.querySelector(".article");
  const mark = panel.querySelector("mark");
  if (!text || !mark) return;
  // Not scrollIntoView: it would scroll the page as well, and the title out of sight.
  const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
  text.scrollTop += above - text.clientHeight / 4;
}

// Keys and events

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
question.addEventListener("keydown", (event) => {
  // An Enter that ends the composing of a character is not one that sends.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask();
});
question.addEventListener("input", fitQuestion);
filters.addEventListener("input", showFilterState);
root.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && openedBy) closePanel();
});

views.ask = {};
call("overview", {}).then(showOverview);
