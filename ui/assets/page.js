// Gradio runs this, and the views after it, as the body of a function with `element` (the component) and `server` (the
// functions that ui/app.py gives). A view registers itself in `views` and may be told when it is shown.
//
// Every text that comes from the server is untrusted: a document, or its file's name, may say anything. It goes onto
// the page through `make`, `textContent` and `setAttribute("aria-label" | "lang", …)` only: never innerHTML, never a
// link.
const root = element.querySelector(".dragoman");
const find = (selector) => root.querySelector(selector);

const narrow = window.matchMedia("(max-width: 1080px)");

// The language of the page. `TEXTS` has for each the same keys: a text with "{names}" in it, or its plural forms, by the
// categories of Intl.PluralRules. Documents are as they are, and so are rare sentences of the server, in English.

const TONGUES = { en: "English", az: "Azərbaycanca", ru: "Русский" };
// Browsers know the plurals of Azerbaijani and not its numbers and dates; digits are set as in Turkish.
const FORMATS = {
  en: { locale: "en-GB", dateStyle: "medium" },
  az: { locale: "tr", dateStyle: "short" },
  ru: { locale: "ru", dateStyle: "medium" },
};
const tongue = chosenTongue();
const { locale, dateStyle } = FORMATS[tongue];
const plurals = new Intl.PluralRules(tongue);

function chosenTongue() {
  const wished = [localStorage.getItem("dragoman-language"), ...navigator.languages].map((tag) => tag?.split("-")[0]);
  return wished.find((tag) => Object.hasOwn(TONGUES, tag)) ?? "en";
}

// The text of this key, with numbers as the language writes them; `count` chooses the plural form.
function t(key, values = {}) {
  const text = TEXTS[tongue][key];
  const form = typeof text === "string" ? text : text[plurals.select(values.count)];
  return form.replace(/{(\w+)}/g, (_, name) => (typeof values[name] === "number" ? figure(values[name]) : values[name]));
}

// The text of one of a few words that the server says; the word itself where we have none for it.
function named(kind, word) {
  const key = `${kind}_${word.replace(/[ -]/g, "_")}`;
  return Object.hasOwn(TEXTS[tongue], key) ? t(key) : word;
}

// A sentence that the server makes, in the language of the page where it comes with a key that we know.
function saidText(text, said) {
  const key = `said_${said?.key}`;
  return Object.hasOwn(TEXTS[tongue], key) ? t(key, said.values) : text;
}

function saidElement(tag, className, text, said) {
  const words = saidText(text, said);
  return words === text ? english(tag, className, text) : make(tag, className, words);
}

// The same of a text as `index.said.to_json` has it: {text, key, values}, or nothing but the text.
function told(kept) {
  return typeof kept === "string" ? inOwnWords(kept) : inOwnWords(kept.text, kept);
}

function toldElement(tag, className, kept) {
  return typeof kept === "string" ? english(tag, className, kept) : saidElement(tag, className, kept.text, kept);
}

// A sentence of the server that stands alone; one that is there in English only is said to be.
function inOwnWords(text, said) {
  const words = saidText(text, said);
  return words === text && text && tongue !== "en" ? `${t("unsaid")}: ${text}` : words;
}

// Likewise, in English.
function english(tag, className, text) {
  const made = make(tag, className, text);
  made.lang = "en";
  return made;
}

function figure(number, options) {
  return number.toLocaleString(locale, options);
}

function capital(text) {
  return text.charAt(0).toLocaleUpperCase(tongue) + text.slice(1);
}

// The pieces of HTML name their texts: data-text, data-label, data-placeholder, data-title.
function translate() {
  document.documentElement.lang = tongue;
  for (const [name, put] of [
    ["text", (target, text) => (target.textContent = text)],
    ["label", (target, text) => target.setAttribute("aria-label", text)],
    ["placeholder", (target, text) => (target.placeholder = text)],
    ["title", (target, text) => (target.title = text)],
  ]) {
    for (const target of root.querySelectorAll(`[data-${name}]`)) put(target, t(target.dataset[name]));
  }
  const choice = find(".tongue");
  for (const [tag, name] of Object.entries(TONGUES)) {
    const option = make("option", "", name);
    option.value = tag;
    option.lang = tag;
    choice.append(option);
  }
  choice.value = tongue;
  choice.addEventListener("change", () => {
    localStorage.setItem("dragoman-language", choice.value);
    location.reload(); // what is open is in the address
  });
}

// By name; `shown`, if there is one, is called whenever the view is shown, with the rest of the address.
const views = {};

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function makeButton(className, text, onClick) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

function setLanguage(target, lang) {
  if (lang && lang !== "und") target.setAttribute("lang", lang);
}

function languageName(lang) {
  if (Object.hasOwn(TEXTS[tongue], `language_${lang}`)) return t(`language_${lang}`);
  try {
    return new Intl.DisplayNames([tongue], { type: "language" }).of(lang); // a file may say any
  } catch {
    return lang;
  }
}

// What a function of the server gives, always an object with a `kind`: "error" with a `message` if it failed.
async function call(name, request) {
  try {
    const reply = await server[name](request);
    if (reply && typeof reply.kind === "string") return explained(reply);
  } catch (error) {
    console.error(error);
  }
  return { kind: "error", message: t("failed") };
}

// An error in the language of the page.
function explained(reply) {
  return reply.kind === "error" ? { ...reply, message: inOwnWords(reply.message, reply.message_said) } : reply;
}

function problemElement(message) {
  const problem = make("div", "problem");
  problem.setAttribute("role", "alert");
  problem.append(make("p", "", message));
  return problem;
}

// A short word at the foot of the page, for some seconds; `undo` is offered if it is given.
let noticed = 0;

function notice(text, undo) {
  const mine = ++noticed;
  const box = find(".notice");
  find(".notice-text").textContent = text;
  find(".notice-undo").hidden = !undo;
  find(".notice-undo").onclick = () => {
    box.hidden = true;
    undo();
  };
  box.hidden = false;
  setTimeout(() => {
    if (mine === noticed) box.hidden = true;
  }, 8000);
}

// What the index holds

function showHoldings(overview) {
  const holdings = find(".holdings");
  if (overview.kind !== "overview") {
    holdings.textContent = overview.message;
    return;
  }
  const { files, articles, passages, pending } = overview;
  const embedded = Math.floor((100 * (passages - pending)) / Math.max(passages, 1)); // never 100 before it is all
  holdings.textContent = [
    t("files", { count: files }),
    t("articles", { count: articles }),
    t("passages", { count: passages }),
    ...(pending ? [t("embedded", { percent: embedded })] : []),
  ].join(" · ");
}

// The views

// The address names the view, and what is open in it: "#ask/…".
function place(name, rest = "") {
  history.replaceState(null, "", rest ? `#${name}/${rest}` : `#${name}`);
}

function show(name, rest = "") {
  for (const section of root.querySelectorAll("section.view")) section.hidden = section.dataset.view !== name;
  for (const button of root.querySelectorAll("nav.views button")) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  place(name, rest);
  views[name].shown?.(rest);
}

translate();

function begin() {
  const buttons = [...root.querySelectorAll("nav.views button")];
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.view));
  find("nav.views").hidden = buttons.length < 2;
  const [wanted, rest] = location.hash.slice(1).split("/");
  if (Object.hasOwn(views, wanted)) show(wanted, rest);
  else show(buttons[0].dataset.view);
}
