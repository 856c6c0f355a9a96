// "What may I have?", answered on the phone: nothing typed here is stored, sent or put into an
// address. The rules stand beside each sentence; the server has the same few lines in rules.py.

/**
 * @typedef {{from?: string, until?: string, when?: Record<string, string[]>[]}} Rule days as 2026-11-24
 * @typedef {Record<string, string>} Answers
 */

/**
 * Whether a sentence is for who answered so, on that day. A question that is not answered rules
 * nothing out.
 * @param {Rule} rule @param {Answers} answers @param {string} day
 */
export function holds(rule, answers, day) {
  if ((rule.from && day < rule.from) || (rule.until && day > rule.until)) return false;
  if (!rule.when) return true;
  return rule.when.some((only) =>
    Object.entries(only).every(([question, values]) => {
      const answer = answers[question];
      return !answer || values.includes(answer);
    }),
  );
}

/** The day in California, but never before the page was made: a phone's clock may be wrong.
 * @param {string} made @param {Date} [now] */
export function dayNow(made, now = new Date()) {
  const here = new Intl.DateTimeFormat("en-CA", {
    timeZone: "America/Los_Angeles",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).format(now);
  return here > made ? here : made;
}

/** Days from one day to another. @param {string} from @param {string} to */
export function daysBetween(from, to) {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
}

const page = globalThis.document?.getElementById("guide");
if (page) guide(page);
const weeks = globalThis.document?.getElementById("weeks");
if (weeks) count(weeks);

/** @param {HTMLElement} root @param {string} selector */
function all(root, selector) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
}

/** @param {HTMLElement} root */
function guide(root) {
  const answer = root.querySelector("#answer");
  const people = root.querySelector("#people");
  const show = root.querySelector("#show");
  if (!(answer instanceof HTMLElement) || !(people instanceof HTMLSelectElement) || !show) return;
  const day = dayNow(root.dataset.today ?? "");
  root.dataset.ready = "yes";

  const amounts = () => sayAmounts(root, people);
  const update = () => {
    amounts();
    if (root.dataset.answered) choose(root, answersIn(root), day);
  };
  const clear = () => {
    for (const input of root.querySelectorAll("input")) input.checked = false;
    for (const select of root.querySelectorAll("select")) select.selectedIndex = 0;
    delete root.dataset.answered;
    amounts();
  };
  root.addEventListener("change", update);
  for (const fold of all(root, ".statuses")) {
    fold.addEventListener("toggle", () => root.dataset.answered && cite(root));
  }
  show.addEventListener("click", () => {
    root.dataset.answered = "yes";
    choose(root, answersIn(root), day);
    answer.focus();
    answer.scrollIntoView({ block: "start" });
  });
  for (const button of all(root, ".clear")) {
    button.addEventListener("click", () => {
      clear();
      root.querySelector("input")?.focus();
      scrollTo(0, 0);
    });
  }
  for (const button of all(root, ".print-now")) button.addEventListener("click", () => print());
  // Whoever comes back with the Back button, or takes the phone after, finds nothing filled in.
  addEventListener("pagehide", clear);
  addEventListener("pageshow", clear);
  clear();
}

/** @param {HTMLElement} root @returns {Answers} */
function answersIn(root) {
  /** @type {Answers} */
  const answers = {};
  for (const input of root.querySelectorAll("input")) {
    if (input.checked) answers[input.name] = input.value;
  }
  const county = root.querySelector("#county");
  if (county instanceof HTMLSelectElement && county.value) answers.county = county.value;
  return answers;
}

/**
 * Show what holds, and nothing else: sentences, the parts and paths that have one, their sources.
 * @param {HTMLElement} root @param {Answers} answers @param {string} day
 */
function choose(root, answers, day) {
  for (const sentence of all(root, "[data-rule]")) {
    sentence.hidden = !holds(JSON.parse(sentence.dataset.rule ?? "{}"), answers, day);
  }
  for (const part of all(root, ".part, .path")) {
    part.hidden = !part.querySelector("[data-rule]:not([hidden])");
    if (part instanceof HTMLDetailsElement && !part.hidden) part.open = true;
  }
  cite(root);
}

/** The sources of what is shown, and no others. @param {HTMLElement} root */
function cite(root) {
  // A household that has been chosen reads its own amounts above; the whole table is for paper
  // without scripts.
  const shown = "[data-rule]:not([hidden]), table, .path:not([hidden]) .statuses[open]";
  const links = all(root, `:is(${shown}) .cites a`);
  const cited = new Set(links.map((link) => link.getAttribute("href")));
  for (const source of all(root, ".sources li")) source.hidden = !cited.has(`#${source.id}`);
}

/** The incomes, for as many people as live there. @param {HTMLElement} root @param {HTMLSelectElement} people */
function sayAmounts(root, people) {
  const { first, more, words } = people.dataset;
  const format = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const line = Number(first) + (Number(people.value) - 1) * Number(more);
  for (const label of all(root, "[data-percent]")) {
    const year = Math.round((line * Number(label.dataset.percent)) / 100);
    label.textContent = (words ?? "")
      .replace("%(month)s", format.format(year / 12))
      .replace("%(year)s", format.format(year));
  }
}

/** How many days are left to sign up, on a page that may have been kept for weeks. @param {HTMLElement} place */
function count(place) {
  const { first, last } = place.dataset;
  const left = place.querySelector(".left");
  if (!first || !last || !(left instanceof HTMLElement)) return;
  const day = dayNow(left.dataset.today ?? "");
  const number = daysBetween(day, last) + 1;
  const { wordsOne, wordsMany, wordsOver, wordsComing } = left.dataset;
  left.textContent =
    (day < first
      ? wordsComing
      : number < 1
        ? wordsOver
        : number === 1
          ? wordsOne
          : wordsMany?.replace("%(number)s", String(number))) ?? "";
}
