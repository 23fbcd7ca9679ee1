// The articles of the index, and one of them with how its file was cleaned.

const library = root.querySelector("section.view-library");
const within = (selector) => library.querySelector(selector);

const COLUMNS = [
  ["title", t("article")],
  ["outlet", t("outlet")],
  ["date", t("date")],
  ["lang", t("language")],
  ["passages", t("passages_named")],
  ["copies", t("copies")],
  ["warnings", t("warnings")],
];
const NUMBERS = new Set(["passages", "copies", "warnings", "date"]); // sorted from the highest down at first

const finder = within(".finder");
const volume = within(".volume");
const wanted = { order: "source", descending: false, offset: 0 };
let listing = 0; // counts lists that were asked for: only the last may be shown
let reading = 0; // likewise of articles
let openedRow = null; // the button of the article that is shown

// The table

function headElement([order, label]) {
  const head = make("th", `column-${order}`);
  head.scope = "col";
  const button = makeButton("sort", label, () => {
    wanted.descending = wanted.order === order ? !wanted.descending : NUMBERS.has(order);
    wanted.order = order;
    wanted.offset = 0;
    list();
  });
  head.append(button);
  return head;
}

function showOrder() {
  for (const [order] of COLUMNS) {
    const head = within(`th.column-${order}`);
    if (wanted.order === order) head.setAttribute("aria-sort", wanted.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

async function list() {
  const mine = ++listing;
  showOrder();
  const reply = await call("library_list", {
    words: finder.elements.words.value,
    lang: finder.elements.lang.value,
    doubtful: finder.elements.doubtful.checked ? "yes" : "no",
    order: wanted.order,
    descending: wanted.descending ? "yes" : "no",
    offset: wanted.offset,
  });
  if (mine !== listing) return;
  const none = within(".none");
  none.hidden = reply.kind === "listing" && reply.articles.length > 0;
  if (reply.kind !== "listing") {
    within("table.articles tbody").replaceChildren();
    none.replaceChildren(problemElement(reply.message));
    return;
  }
  if (!reply.articles.length && wanted.offset) {
    wanted.offset = 0; // what stood on this page was taken out
    list();
    return;
  }
  none.textContent = t(isFiltered() ? "no_such_article" : "empty_index");
  within("table.articles tbody").replaceChildren(...reply.articles.map(rowElement));
  const last = wanted.offset + reply.articles.length;
  within(".found").textContent = reply.total
    ? t("of", { done: `${figure(wanted.offset + 1)}–${figure(last)}`, total: t("articles_of", { count: reply.total }) })
    : "";
  within(".previous").disabled = !wanted.offset;
  within(".next").disabled = last >= reply.total;
  wanted.step = reply.rows;
}

function isFiltered() {
  const { words, lang, doubtful } = finder.elements;
  return Boolean(words.value.trim() || lang.value || doubtful.checked);
}

function rowElement(article) {
  const row = make("tr");
  const head = make("th", "column-title");
  head.scope = "row";
  const open = makeButton("open-article", "", () => read(article.id, open));
  const title = make("span", "article-title", article.title || t("untitled"));
  title.dir = "auto";
  setLanguage(title, article.lang);
  const file = make("span", "article-file faint", article.source);
  file.dir = "auto";
  open.append(title, file);
  head.append(open);
  const outlet = cellElement("outlet", article.outlet || "–");
  outlet.dir = "auto";
  const warnings = cellElement("warnings", "");
  if (article.warnings.length) {
    const [first] = article.warnings;
    const word = typeof first === "string" ? named("warning", first) : first;
    const flag = word === first ? toldElement("span", "flag", first) : make("span", "flag", word);
    flag.dir = "auto";
    warnings.append(flag);
    if (article.warnings.length > 1) warnings.append(make("span", "faint", ` +${article.warnings.length - 1}`));
  }
  const passages = cellElement("passages", figure(article.passages));
  if (article.pending) passages.append(make("span", "faint", ` (${t("not_embedded", { number: article.pending })})`));
  const copies = cellElement("copies", article.copies ? String(article.copies) : "–");
  if (article.translations) copies.append(make("span", "faint", ` + ${t("in_translation", { number: article.translations })}`));
  row.append(
    head,
    outlet,
    cellElement("date", article.date || "–"),
    cellElement("lang", article.lang === "und" ? "–" : capital(languageName(article.lang))),
    passages,
    copies,
    warnings,
  );
  return row;
}

function cellElement(order, text) {
  const cell = make("td", text === "–" ? `column-${order} empty` : `column-${order}`, text);
  cell.dataset.label = COLUMNS.find(([name]) => name === order)[1];
  return cell;
}

// One article

async function read(id, opener) {
  const mine = ++reading;
  openedRow?.removeAttribute("aria-current");
  openedRow = opener;
  opener?.setAttribute("aria-current", "true");
  const article = await call("library_article", { document: id });
  if (mine !== reading) return;
  volume.hidden = false;
  library.querySelector(".shelf").classList.add("opened");
  const close = makeButton("plain close-volume", t("close"), closeVolume);
  if (article.kind !== "article") {
    volume.replaceChildren(close, problemElement(article.message));
    return;
  }
  const title = make("h2", "volume-title", article.title || t("untitled"));
  title.dir = "auto";
  setLanguage(title, article.lang);
  volume.replaceChildren(close, title, factsElement(article), actionsElement(article), ...cleaningElements(article));
  volume.scrollTop = 0;
  if (narrow.matches) volume.scrollIntoView({ block: "start" });
  close.focus({ preventScroll: true });
}

function closeVolume() {
  reading++;
  volume.hidden = true;
  library.querySelector(".shelf").classList.remove("opened");
  openedRow?.removeAttribute("aria-current");
  openedRow?.focus();
  openedRow = null;
}

function factsElement(article) {
  const list = make("dl", "volume-facts");
  const also = article.languages.filter((lang) => lang !== article.lang).map(languageName);
  const date = article.date && article.date_from ? t("date_from_place", { date: article.date, place: named("dated_by", article.date_from) }) : article.date;
  const copies = article.links.map(({ article: other, kind, score }) => {
    const row = make("div", "", `${named("link", kind)} (${figure(score, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}): `);
    row.append(otherElement(other));
    return row;
  });
  const facts = [
    [t("outlet"), article.outlet],
    [t("author"), article.author],
    [t("date"), date || t("not_given")],
    [t("language"), capital([languageName(article.lang), ...new Set(also)].join(", "))],
    [t("file"), article.articles > 1 ? `${article.source} (${t("articles", { count: article.articles })})` : article.source],
    [t("read_from"), article.location],
    [t("letters"), [article.encoding, article.spelling].filter((word) => word && word !== "utf-8" && word !== "plain").join(", ")],
    [t("passages_named"), figure(article.passages)],
    [t("stands_for"), article.copy_of ? [otherElement(article.copy_of)] : ""],
    [t("alike"), copies.length ? copies : ""],
    [t("not_read"), article.problems.map(told).join("\n")],
  ];
  for (const [name, value] of facts) {
    if (!value) continue;
    const words = make("dd");
    words.append(...(typeof value === "string" ? [value] : value));
    words.dir = "auto";
    list.append(make("dt", "", name), words);
  }
  return list;
}

// Another article, which opens in the place of the one that is shown.
function otherElement({ id, title, source }) {
  const button = makeButton("quiet other", title || source, () => read(id, null));
  button.title = source;
  button.dir = "auto";
  return button;
}

function actionsElement(article) {
  const actions = make("div", "actions");
  const again = makeButton("plain", t("read_again"), () => startJob("library_read_again", { source: article.source }));
  const remove = makeButton("plain remove", t("remove"), () => {
    actions.replaceChildren(confirmElement(article, () => actions.replaceWith(actionsElement(article))));
    actions.querySelector(".keep").focus();
  });
  if (canWrite()) actions.append(again, remove);
  return actions;
}

function confirmElement(article, back) {
  const box = make("div", "confirm");
  box.setAttribute("role", "alertdialog");
  box.setAttribute("aria-label", t("remove_from_index"));
  const what = make("p");
  const name = make("strong", "", article.source);
  name.dir = "auto";
  const held = [t("articles", { count: article.articles }), t("passages", { count: article.passages_of_file })].join(", ");
  const file = t(article.is_upload ? "upload_is_deleted" : article.in_archive ? "archive_stays" : "file_stays");
  what.append(`${t("remove_file")} `, name, ` ${t("remove_file_means", { held })} ${file}`);
  box.append(
    what,
    makeButton("plain danger", t("remove_it"), async () => {
      if (await startJob("library_forget", { source: article.source })) closeVolume();
    }),
    makeButton("plain keep", t("keep_it"), back),
  );
  return box;
}

function cleaningElements(article) {
  const dropped = article.strips.filter((strip) => strip.reason).length;
  const head = make("div", "cleaning-head");
  head.append(make("h3", "", t("how_cleaned")));
  const label = make("label", "pick");
  const box = make("input");
  box.type = "checkbox";
  box.checked = true;
  label.append(box, ` ${t("show_dropped", { count: dropped })}`);
  if (dropped) head.append(label);
  const text = make("div", "cleaning");
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", t("cleaned_file"));
  text.dir = "auto";
  setLanguage(text, article.lang);
  for (const strip of article.strips) text.append(stripElement(strip));
  box.addEventListener("change", () => text.classList.toggle("kept-only", !box.checked));
  const rest = make("p", "faint", t("file_goes_on"));
  return [head, text, ...(article.whole ? [] : [rest])];
}

function stripElement({ text, reason, raw }) {
  if (!reason && !raw) return document.createTextNode(text);
  const why = reason ? t("dropped", { reason: named("why", reason) }) : t("repaired", { raw });
  const strip = make(reason ? "del" : "ins", reason ? "dropped" : "repaired", text);
  strip.tabIndex = 0;
  strip.dataset.why = why;
  strip.setAttribute("aria-label", `${why}. ${text}`);
  return strip;
}

// Events

let typing = 0;
finder.addEventListener("input", (event) => {
  clearTimeout(typing);
  wanted.offset = 0;
  typing = setTimeout(list, event.target.name === "words" ? 200 : 0);
});
finder.addEventListener("submit", (event) => {
  event.preventDefault();
  list();
});
within(".previous").addEventListener("click", () => {
  wanted.offset = Math.max(0, wanted.offset - wanted.step);
  list();
});
within(".next").addEventListener("click", () => {
  wanted.offset += wanted.step;
  list();
});
volume.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  closeVolume();
});
within("table.articles thead tr").append(...COLUMNS.map(headElement));

views.library = {
  shown() {
    list();
    showHealth();
    follow();
  },
};
