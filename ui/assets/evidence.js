// Citations: their numbers in an answer, what is told of them, and the pane with their articles.

const panel = find(".panel");
const list = find(".panel .list");
const reading = find(".panel .reading");
const tip = find(".tip");
const columns = find(".columns");

let listed = null; // the turn whose evidence the list shows
let openedBy = null; // the button whose passage is being read
let opening = 0; // counts clicks: only the last one may fill the pane

function showPane(name) {
  columns.dataset.pane = name;
  for (const button of root.querySelectorAll(".panes button")) {
    if (button.dataset.pane === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

for (const button of root.querySelectorAll(".panes button")) {
  button.addEventListener("click", () => showPane(button.dataset.pane));
}

// Text of a document, in its language, from its own side.
function quoted(tag, className, text, lang) {
  const made = make(tag, className, text);
  made.dir = "auto";
  setLanguage(made, lang);
  return made;
}

function aboutPointer(pointer) {
  const page = pointer.page ? t("page_number", { page: pointer.page }) : "";
  return [pointer.outlet, pointer.date, languageName(pointer.lang), page].filter(Boolean).join(" · ");
}

// Chips

function chipElement(pointer, what) {
  const chip = makeButton("chip", "", () => open(chip, pointer));
  chip.dataset.number = pointer.number;
  chip.append(make("span", "number", `[${pointer.number}]`));
  const title = pointer.title ? `${pointer.title}, ` : "";
  const place = t("place", { file: pointer.source, start: `${pointer.start}`, end: `${pointer.end}` });
  chip.setAttribute("aria-label", `${what} ${pointer.number}: ${title}${place}`);
  chip.setAttribute("aria-pressed", "false");
  chip.addEventListener("pointerenter", () => showTip(chip, pointer));
  chip.addEventListener("pointerleave", hideTip);
  chip.addEventListener("focus", () => {
    if (chip.matches(":focus-visible")) showTip(chip, pointer);
    const turn = turnOf(chip);
    if (turn) light(turn, [pointer.number]);
  });
  chip.addEventListener("blur", hideTip);
  return chip;
}

function showTip(chip, pointer) {
  tip.replaceChildren(
    quoted("p", "tip-title", pointer.title || pointer.source, pointer.lang),
    make("p", "tip-about", aboutPointer(pointer)),
    quoted("p", "tip-quote", pointer.shown, pointer.lang),
    ...translationElements(pointer),
  );
  tip.hidden = false;
  chip.setAttribute("aria-describedby", tip.id);
  const place = chip.getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  const above = place.top - box.height - 8;
  tip.style.top = `${above > 8 ? above : place.bottom + 8}px`;
  tip.style.left = `${Math.max(8, Math.min(place.left - 16, window.innerWidth - box.width - 8))}px`;
}

// What a language model made of a quote in another language, said to be that.
function translationElements({ translation }) {
  if (!translation) return []; // none was wanted, or it was kept before there was any
  const box = make("p", "translation");
  box.append(make("span", "faint", `${t("translation_no_quote")}: `), quoted("span", "", translation));
  return [box];
}

function hideTip() {
  tip.hidden = true;
  for (const chip of root.querySelectorAll("[aria-describedby='dragoman-tip']")) chip.removeAttribute("aria-describedby");
}

// The list of what an answer stands on

function showEvidence(turn) {
  listed = turn;
  const { reply } = turn;
  const cited = new Map();
  for (const statement of reply.statements ?? []) {
    for (const pointer of [...statement.chips, ...(statement.context?.chips ?? [])]) cited.set(pointer.number, pointer);
  }
  const found = reply.unused ?? [];
  const closest = reply.closest ?? [];
  const parts = [];
  if (cited.size) {
    parts.push(make("h2", "", t("stands_on")), cardsElement([...cited.values()], t("citation")));
  }
  if (closest.length) parts.push(make("h2", "", t("closest_passages")), cardsElement(closest, t("closest_passage")));
  if (found.length) {
    const more = make("details", "unused");
    more.append(make("summary", "", t("not_used", { count: found.length })), cardsElement(found, t("passage")));
    parts.push(more);
  }
  if (!parts.length) parts.push(make("p", "panel-empty", t("no_evidence")));
  list.replaceChildren(...parts);
}

function noEvidence() {
  closeReading();
  showEvidence({ reply: {} });
}

function cardsElement(pointers, what) {
  const cards = make("ol", "cards");
  for (const pointer of pointers) {
    const item = make("li", "card");
    item.dataset.number = pointer.number;
    const button = makeButton("card-open", "", () => open(button, pointer));
    button.setAttribute("aria-label", `${what} ${pointer.number}: ${pointer.title || pointer.source}`);
    button.append(make("span", "number", `${pointer.number}`));
    button.append(quoted("span", "card-title", pointer.title || pointer.source, pointer.lang));
    item.append(
      button,
      make("p", "card-about", aboutPointer(pointer)),
      quoted("p", "card-quote", pointer.shown, pointer.lang),
      ...translationElements(pointer),
    );
    cards.append(item);
  }
  return cards;
}

// Light the evidence of these numbers, and the statements that stand on it.
function light(turn, numbers) {
  if (listed !== turn) showEvidence(turn);
  const wanted = new Set(numbers.map(String));
  for (const other of log.querySelectorAll(".lit")) other.classList.remove("lit");
  for (const chip of turn.box.querySelectorAll(".statement .chip")) {
    if (wanted.has(chip.dataset.number)) chip.closest(".statement").classList.add("lit");
  }
  let first = null;
  for (const card of list.querySelectorAll(".card")) {
    const lit = wanted.has(card.dataset.number);
    card.classList.toggle("lit", lit);
    if (lit) first ??= card;
  }
  if (first && !list.hidden) {
    // Not scrollIntoView: it would scroll the page as well.
    const box = first.getBoundingClientRect();
    const all = list.getBoundingClientRect();
    if (box.top < all.top || box.bottom > all.bottom) list.scrollTop += box.top - all.top - 12;
  }
}

// One article

async function open(button, pointer) {
  const mine = ++opening;
  hideTip();
  const turn = turnOf(button);
  if (turn) light(turn, [pointer.number]);
  openedBy?.setAttribute("aria-pressed", "false");
  openedBy = button;
  if (button.classList.contains("chip")) button.setAttribute("aria-pressed", "true");
  panel.setAttribute("aria-busy", "true");
  const { source, document, start, end, quote } = pointer;
  const reply = await call("show", { source, document, start, end, quote });
  if (mine !== opening) return;
  panel.removeAttribute("aria-busy");
  const close = makeButton("close quiet", t("all_evidence"), () => closeReading());
  reading.replaceChildren(close, ...(reply.kind === "article" ? articleElements({ ...reply, document }) : [problemElement(reply.message)]));
  reading.hidden = false;
  list.hidden = true;
  showPane("evidence");
  showMark();
}

function closeReading() {
  opening++;
  panel.removeAttribute("aria-busy");
  reading.hidden = true;
  reading.replaceChildren();
  list.hidden = false;
  openedBy?.setAttribute("aria-pressed", "false");
  if (openedBy && narrow.matches && log.contains(openedBy)) showPane("chat");
  openedBy?.focus();
  openedBy = null;
}

function articleElements(article) {
  const title = quoted("h2", "title", article.title || t("untitled"), article.lang);
  const facts = make("dl", "facts");
  for (const [key, value] of [
    ["outlet", article.outlet],
    ["author", article.author],
    ["date", article.date || t("not_given")],
    ["language", capital(languageName(article.lang))],
    ["file", article.source],
    ["page", article.page || ""],
    ["characters", `${article.start}–${article.end}`],
  ]) {
    if (value === "") continue;
    const fact = make("div", `fact fact-${key}`);
    fact.append(make("dt", "", t(key)), make("dd", "", value));
    facts.append(fact);
  }
  const text = make("div", "article");
  text.tabIndex = 0; // so that the keyboard can scroll it
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", t("article_marked"));
  text.setAttribute("aria-live", "off"); // the facts are read out; a whole article would be too much
  setLanguage(text, article.lang);
  text.append(...pieceElements(article.pieces));
  if (article.above) text.prepend(moreElement(article, text, "above"));
  if (article.below) text.append(moreElement(article, text, "below"));
  return [title, facts, text];
}

function pieceElements(pieces) {
  return pieces.flatMap((piece) => {
    const words = piece.marked ? make("mark", "", piece.text) : document.createTextNode(piece.text);
    if (!piece.after_gap) return [words];
    const gap = make("span", "gap", "⋯");
    gap.setAttribute("aria-label", t("gap"));
    gap.setAttribute("role", "img");
    return [gap, words];
  });
}

// Of a long article only what is near the quote is there at first.
function moreElement(article, text, side) {
  let place = article[side];
  const button = makeButton(`plain go-on ${side}`, named("more", side), async () => {
    button.disabled = true;
    const reply = await call("show_more", { source: article.source, document: article.document, place, side });
    button.disabled = false;
    if (reply.kind !== "part") {
      notice(reply.message);
      return;
    }
    const { scrollHeight } = text;
    if (side === "above") {
      button.after(...pieceElements(reply.pieces));
      text.scrollTop += text.scrollHeight - scrollHeight; // what is read stays where it is
    } else button.before(...pieceElements(reply.pieces));
    place = reply[side];
    if (place) return;
    text.focus({ preventScroll: true });
    button.remove();
  });
  return button;
}

function showMark() {
  const text = reading.querySelector(".article");
  const mark = reading.querySelector("mark");
  if (!text || !mark) return;
  // Not scrollIntoView: it would scroll the page as well, and the title out of sight.
  const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
  text.scrollTop += above - text.clientHeight / 4;
}
