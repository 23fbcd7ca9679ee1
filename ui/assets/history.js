// The conversations that are kept: the list, and what can be done with the one that is open.

const conversations = find(".conversations");
const look = find(".look");
const head = find(".head");
const heading = find(".heading");
const renaming = find(".renaming");

let current = ""; // the id of the conversation that is open, "" for a new one
let looking = 0; // counts searches: only the last one may fill the list

function shownTime(iso) {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return today
    ? time.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" })
    : time.toLocaleDateString(locale, { dateStyle });
}

async function listConversations() {
  const mine = ++looking;
  const reply = await call("conversations", { text: look.value });
  if (mine !== looking) return;
  if (reply.kind === "error") {
    conversations.replaceChildren(make("li", "nothing", reply.message));
    return;
  }
  find(".unkept").hidden = !reply.unkept;
  find(".unkept").textContent = told(reply.unkept);
  const none = t(look.value.trim() ? "no_such_conversation" : "no_conversation");
  conversations.replaceChildren(
    ...(reply.conversations.length ? reply.conversations.map(conversationElement) : [make("li", "nothing", none)]),
  );
}

function conversationElement({ id, title, changed }) {
  const item = make("li");
  const button = makeButton("conversation", "", () => openConversation(id));
  button.dataset.conversation = id;
  button.append(quoted("span", "conversation-title", title), make("span", "conversation-time", shownTime(changed)));
  if (id === current) button.setAttribute("aria-current", "true");
  item.append(button);
  return item;
}

function setCurrent(id, title) {
  current = id;
  head.hidden = !id;
  renaming.hidden = true;
  heading.hidden = false;
  resetDelete();
  heading.textContent = title;
  place("ask", id);
  for (const button of conversations.querySelectorAll("button")) {
    if (button.dataset.conversation === id) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function newConversation() {
  stop();
  clearLog();
  setCurrent("", "");
  noEvidence();
  showPane("chat");
  question.focus();
}

async function openConversation(id) {
  stop();
  const reply = await call("conversation", { conversation: id });
  if (reply.kind === "error") {
    notice(reply.message);
    setCurrent("", "");
    return;
  }
  clearLog();
  setCurrent(id, reply.title);
  noEvidence();
  for (const kept of reply.turns) {
    const turn = beginTurn(kept.question);
    turn.key = kept.turn;
    turn.verdict = kept.feedback;
    finishTurn(turn, kept.reply);
  }
  if (turns.length) showEvidence(turns.at(-1));
  showPane("chat");
  log.scrollTop = log.scrollHeight;
}

function startRenaming() {
  renaming.elements.title.value = heading.textContent;
  renaming.hidden = false;
  heading.hidden = true;
  renaming.elements.title.select();
}

function stopRenaming() {
  renaming.hidden = true;
  heading.hidden = false;
  find(".rename").focus();
}

async function saveName() {
  const reply = await call("rename", { conversation: current, title: renaming.elements.title.value });
  if (reply.kind === "error") {
    notice(reply.message);
    return;
  }
  heading.textContent = reply.title;
  stopRenaming();
  listConversations();
}

async function exportConversation(format) {
  const reply = await call("export", { conversation: current, format });
  if (reply.kind === "error") {
    notice(reply.message);
    return;
  }
  const type = format === "json" ? "application/json" : "text/markdown";
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([reply.text], { type: `${type};charset=utf-8` }));
  link.download = reply.name;
  link.click(); // it is nowhere on the page
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// What is deleted is gone, so it takes two clicks.
function resetDelete() {
  find(".delete").textContent = t("delete");
  find(".delete").classList.remove("sure");
}

async function deleteConversation() {
  const button = find(".delete");
  if (!button.classList.contains("sure")) {
    button.classList.add("sure");
    button.textContent = t("delete_for_good");
    setTimeout(resetDelete, 5000);
    return;
  }
  const reply = await call("delete", { conversation: current });
  if (reply.kind === "error") notice(reply.message);
  else notice(t("conversation_deleted"));
  newConversation();
  listConversations();
}

find(".new").addEventListener("click", newConversation);
look.addEventListener("input", listConversations);
find(".rename").addEventListener("click", startRenaming);
find(".delete").addEventListener("click", deleteConversation);
for (const button of root.querySelectorAll(".export")) {
  button.addEventListener("click", () => exportConversation(button.dataset.format));
}
renaming.addEventListener("submit", (event) => {
  event.preventDefault();
  saveName();
});
renaming.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  stopRenaming();
});
