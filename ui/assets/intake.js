// Files and folders that are added, how far that is, and how the index is. It goes on in the library's function.

const ACTIVE = new Set(["running", "stopping"]);
const dropZone = within(".drop");
const jobBox = within(".job");
let intake = null; // what may be added here, and the last job
let following = 0;
let isDismissed = ""; // the id of the job whose end was read
let isStarted = ""; // and of the one that was running when it was seen first

function canWrite() {
  return Boolean(intake?.writable);
}

// Uploads

async function send(files) {
  const box = within(".sending");
  box.hidden = false;
  const failed = [];
  let done = 0;
  const total = [...files].reduce((sum, file) => sum + file.size, 0);
  const bar = make("progress");
  bar.max = Math.max(total, 1);
  bar.setAttribute("aria-label", t("sent"));
  const words = make("span");
  box.replaceChildren(words, bar);
  for (const [place, file] of [...files].entries()) {
    words.textContent = t("sending", { place: place + 1, total: files.length, file: file.name });
    const problem = refused(file) || (await put(file, (sent) => (bar.value = done + sent)));
    if (problem) failed.push(problem);
    done += file.size;
    bar.value = done;
  }
  box.replaceChildren();
  box.hidden = !failed.length;
  for (const problem of failed) box.append(problemElement(problem));
  if (failed.length) box.append(makeButton("plain", t("dismiss"), () => (box.hidden = true)));
  if (failed.length < files.length) await startJob("library_ingest", { paths: [] });
}

// Why a file is not even sent, or "".
function refused({ name, size }) {
  if (!intake.types.some((type) => name.toLowerCase().endsWith(type))) {
    return t("said_type_unreadable", { file: name, types: intake.types.join(" ") });
  }
  if (!size) return t("said_file_empty", { file: name });
  return size > intake.file_bytes ? t("too_large", { file: name, size: limit(intake.file_bytes) }) : "";
}

// What was wrong, or "" once it is kept.
function put(file, onSent) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => onSent(event.loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve("");
      try {
        const { error, said } = JSON.parse(request.responseText);
        resolve(inOwnWords(String(error), said));
      } catch {
        resolve(t("not_taken", { file: file.name, status: request.status }));
      }
    });
    request.addEventListener("error", () => resolve(`${file.name}: ${t("failed")}`));
    request.open("PUT", `api/uploads/${encodeURIComponent(file.name)}`);
    request.send(file);
  });
}

// Jobs

async function startJob(name, request) {
  const reply = await call(name, request);
  if (reply.kind === "error") {
    notice(reply.message);
    return false;
  }
  isDismissed = "";
  showIntake(reply);
  follow();
  return true;
}

async function follow() {
  const mine = ++following;
  while (mine === following && !library.hidden) {
    const reply = await call("library_jobs", {});
    if (mine !== following || reply.kind !== "jobs") return;
    const was = intake?.job;
    showIntake(reply);
    if (was && reply.job && ACTIVE.has(was.state) && !ACTIVE.has(reply.job.state)) {
      list();
      showHealth();
      call("overview", {}).then(showHoldings);
    }
    if (!reply.job || !ACTIVE.has(reply.job.state)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function showIntake(reply) {
  intake = reply;
  within(".intake").hidden = !reply.writable;
  if (!reply.writable) return;
  within(".drop-hint").textContent = t("readable_files", {
    types: reply.types.join(" "),
    size: limit(reply.file_bytes),
  });
  within(".files").accept = reply.types.join(",");
  within(".folder").hidden = !reply.folders.length;
  within("datalist").replaceChildren(
    ...reply.folders.map((folder) => {
      const option = make("option");
      option.value = folder;
      return option;
    }),
  );
  showJob(reply.job);
}

function showJob(job) {
  if (job && ACTIVE.has(job.state)) isStarted = job.id;
  const isShown = job && job.id !== isDismissed && (ACTIVE.has(job.state) || job.id === isStarted || job.state === "failed");
  jobBox.hidden = !isShown;
  if (!isShown) return;
  if (ACTIVE.has(job.state)) showRunning(job);
  else showEnded(job);
}

function showRunning(job) {
  if (jobBox.dataset.shown !== `running ${job.id}`) {
    jobBox.dataset.shown = `running ${job.id}`;
    const bar = make("progress");
    bar.setAttribute("aria-label", t("progress"));
    const cancel = makeButton("plain cancel", t("cancel"), () => startJob("library_cancel", { id: job.id }));
    const line = make("div", "job-line");
    line.append(make("span", "job-stage"), make("span", "job-detail faint"), cancel);
    jobBox.replaceChildren(line, bar, make("p", "job-notice faint"));
  }
  const bar = jobBox.querySelector("progress");
  const isReading = job.files_done < job.files_total || !job.passages_known;
  const [done, total] = isReading
    ? job.bytes_total
      ? [job.bytes_done, job.bytes_total]
      : [job.files_done, job.files_total]
    : [job.passages_done, job.passages_known];
  if (total) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
  const stage = job.state === "stopping" ? "stopping" : !total ? "beginning" : isReading ? "reading" : "embedding";
  jobBox.querySelector(".job-stage").textContent = named("job", stage);
  const files = t("of", { done: job.files_done, total: t("files_of", { count: job.files_total }) });
  const passages = t("of", { done: job.passages_done, total: t("passages_of", { count: job.passages_known }) });
  jobBox.querySelector(".job-detail").textContent = [
    isReading ? files : passages,
    job.passages_a_second ? t("a_second", { number: Math.round(job.passages_a_second) }) : "",
    job.seconds_left === null ? "" : t("time_left", { time: duration(job.seconds_left) }),
  ]
    .filter((part) => part && total)
    .join(" · ");
  jobBox.querySelector(".job-notice").textContent = told(job.notices.at(-1) ?? "");
  jobBox.querySelector(".cancel").disabled = job.state === "stopping";
}

function showEnded(job) {
  if (jobBox.dataset.shown === `ended ${job.id}`) return;
  jobBox.dataset.shown = `ended ${job.id}`;
  const words = make("span", "job-detail");
  if (job.state === "cancelled") words.append(`${t("cancelled")} `);
  const did = Object.entries(job.done).filter(([, count]) => count);
  if (did.length) words.append(did.map(([what, count]) => t(`done_${what}`, { count })).join(", "));
  else if (job.state === "done") words.append(t("nothing_new"));
  const line = make("div", "job-line");
  line.setAttribute("role", "status");
  line.append(
    make("span", "job-stage", job.state === "cancelled" ? "" : named("job", job.state)),
    words,
    make("span", "faint", t("in_time", { time: duration(job.seconds) })),
    ...(job.state !== "failed" && job.passages_done ? [makeButton("plain", t("ask_about_it"), () => show("ask"))] : []),
    makeButton("plain", t("dismiss"), () => {
      isDismissed = job.id;
      jobBox.hidden = true;
    }),
  );
  jobBox.replaceChildren(line);
  if (job.error) jobBox.append(problemElement(told(job.error)));
  const problems = [...job.failures, ...job.left_out];
  if (!problems.length) return;
  const more = make("details", "job-problems");
  more.open = job.failures.length > 0;
  more.append(make("summary", "", t("problem_files", { count: problems.length })));
  const list = make("ul");
  for (const problem of problems) {
    const item = toldElement("li", "", problem);
    item.dir = "auto";
    list.append(item);
  }
  more.append(list);
  jobBox.append(more);
}

// Health

let looking = 0;

async function showHealth(reply) {
  const mine = ++looking;
  const health = reply ?? (await call("library_health", {}));
  if (mine !== looking) return;
  const line = within(".health-line");
  if (health.kind !== "health") {
    line.textContent = health.message;
    return;
  }
  const percent = Math.floor((100 * (health.passages - health.pending)) / Math.max(health.passages, 1));
  const when = new Date(health.written).toLocaleString(locale, { dateStyle, timeStyle: "short" });
  line.textContent = health.passages
    ? t("health_line", { percent, when, size: megabytes(health.bytes), check: checkWords(health.check) })
    : t("empty");
  showLanguages(health.languages);
  const facts = make("dl", "volume-facts");
  for (const [name, value] of [
    [t("folder"), health.folder],
    [t("files_named"), figure(health.files)],
    [
      t("articles_named"),
      health.first
        ? t("articles_dated", { count: health.articles, first: health.first, last: health.last })
        : figure(health.articles),
    ],
    [
      t("passages_named"),
      t("passages_embedded", {
        count: health.passages,
        embedded: health.passages - health.pending,
        model: health.embedder,
      }),
    ],
    [t("batches"), t("batches_last", { count: health.batch, when })],
  ]) {
    facts.append(make("dt", "", name), make("dd", "", value));
  }
  const again = makeButton("plain", t("check_everything"), async () => showHealth(await call("library_check", {})));
  again.disabled = health.check.state === "running";
  within(".health-body").replaceChildren(facts, again, ...checkElements(health.check));
  if (health.check.state !== "running") return;
  await new Promise((resolve) => setTimeout(resolve, 700));
  if (mine === looking && !library.hidden) showHealth();
}

function checkWords(check) {
  if (["running", "failed", "none"].includes(check.state)) return named("check", check.state);
  return check.wrong ? t("problems_found", { count: check.wrong }) : t("check_good");
}

function checkElements(check) {
  if (check.state === "failed") return [problemElement(told(check.error))];
  if (check.state === "running") {
    const [what, done, total] = check.progress;
    const bar = make("progress");
    bar.setAttribute("aria-label", t("checked"));
    if (total) {
      bar.max = total;
      bar.value = done;
    }
    return [make("span", "faint", named("look", what)), bar];
  }
  if (check.state === "none") return [];
  const verdict = make("p", check.wrong ? "bad" : "good", check.wrong ? checkWords(check) : t("nothing_wrong"));
  verdict.setAttribute("role", "status");
  const list = make("ul", "job-problems");
  // Of what is wrong the page tells the kind and what to do, so several findings may be one sentence.
  const seen = new Set();
  for (const found of [...check.problems, ...check.notes]) {
    const item = toldElement("li", "", found);
    item.dir = "auto";
    if (!seen.has(item.textContent)) list.append(item);
    seen.add(item.textContent);
  }
  return [verdict, list, ...(check.wrong ? [make("p", "faint", t("check_details"))] : [])];
}

function showLanguages(languages) {
  const select = finder.elements.lang;
  const chosen = select.value;
  const options = languages.map((lang) => {
    const option = make("option", "", capital(languageName(lang)));
    option.value = lang;
    return option;
  });
  select.replaceChildren(select.options[0], ...options);
  select.value = languages.includes(chosen) ? chosen : "";
}

// Limits are powers of two, and told as the server tells them.
function limit(bytes) {
  return t("size_mb", { size: figure(Math.floor(bytes / 2 ** 20)) });
}

function megabytes(bytes) {
  const [size, unit] = bytes >= 1e9 ? [bytes / 1e9, "size_gb"] : [bytes / 1e6, "size_mb"];
  return t(unit, { size: figure(size, { maximumFractionDigits: size < 10 ? 1 : 0 }) });
}

function duration(seconds) {
  if (seconds < 90) return t("seconds", { number: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("minutes", { number: Math.round(seconds / 60) });
  return t("hours", { number: figure(seconds / 3600, { maximumFractionDigits: 1 }) });
}

// Events

within(".files").addEventListener("change", (event) => {
  if (event.target.files.length) send(event.target.files).then(() => (event.target.value = ""));
});
within(".folder").addEventListener("submit", (event) => {
  event.preventDefault();
  const path = event.target.elements.folder.value.trim();
  if (path) startJob("library_ingest", { paths: [path] });
});
library.addEventListener("dragover", (event) => {
  if (!canWrite() || ![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  dropZone.classList.add("over");
});
library.addEventListener("dragleave", (event) => {
  if (!library.contains(event.relatedTarget)) dropZone.classList.remove("over");
});
library.addEventListener("drop", (event) => {
  dropZone.classList.remove("over");
  if (!canWrite() || !event.dataTransfer.files.length) return;
  event.preventDefault();
  send(event.dataTransfer.files);
});
