// Gradio runs this, and the views after it, as the body of a function with `element` (the component) and `server` (the
// functions that ui/app.py gives). A view registers itself in `views` and may be told when it is shown.
//
// Every text that comes from the server is untrusted: a document, or its file's name, may say anything. It goes onto
// the page through `make`, `textContent` and `setAttribute("aria-label" | "lang", …)` only: never innerHTML, never a
// link.
"use strict";

const root = element.querySelector(".dragoman");
const find = (selector) => root.querySelector(selector);

const FAILED = "The page got no reply. If Dragoman still runs, its terminal says why; else start it again.";
const narrow = window.matchMedia("(max-width: 1080px)");

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
  try {
    return lang === "und" ? "Language unknown" : new Intl.DisplayNames(["en"], { type: "language" }).of(lang);
  } catch {
    return lang;
  }
}

function counted(count, one, many) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

// What a function of the server gives, always an object with a `kind`: "error" with a `message` if it failed.
async function call(name, request) {
  try {
    const reply = await server[name](request);
    if (reply && typeof reply.kind === "string") return reply;
  } catch (error) {
    console.error(error);
  }
  return { kind: "error", message: FAILED };
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
    counted(files, "file", "files"),
    counted(articles, "article", "articles"),
    counted(passages, "passage", "passages"),
    ...(pending ? [`${embedded}% embedded, the rest is found by its words`] : []),
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

function begin() {
  const buttons = [...root.querySelectorAll("nav.views button")];
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.view));
  find("nav.views").hidden = buttons.length < 2;
  const [wanted, rest] = location.hash.slice(1).split("/");
  if (Object.hasOwn(views, wanted)) show(wanted, rest);
  else show(buttons[0].dataset.view);
}
