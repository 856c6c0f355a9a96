// The canvassers' app: which of its parts shows, and what is said in it. Locked, the phone can be
// handed to a signer; the numbers and everything else need the PIN. It opens locked, always.

import { keepHere, kit } from "./keeping.js";
import { facts, keep, totalOf, waiting, works } from "./phone.js";
import { setPin, tryPin } from "./pin.js";
import { enrol, file, flush } from "./sending.js";
import { focus, save, sign, tell } from "./signing.js";

// Whoever measures the app saves with the app's own hand.
export { save };

const EVERY = 60_000;
const KIT_EVERY = 600_000;
let kitAt = -KIT_EVERY;
/** @type {Promise<unknown> | undefined} */
let keeping;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
const installed = matchMedia("(display-mode: standalone)");
const code = document.documentElement.lang;
const moment = new Intl.DateTimeFormat(code === "es" ? "es-US" : code, {
  dateStyle: "medium",
  timeStyle: "short",
});
const languages = Array.from(document.querySelectorAll("template[lang]"), (each) => /** @type {HTMLElement} */ (each).lang);

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id */
const form = (id) => /** @type {HTMLFormElement} */ (byId(id));

/** @param {HTMLFormElement} of @param {string} name */
const value = (of, name) => String(new FormData(of).get(name) ?? "").trim();

/** @param {string} selector @param {string} what @param {(element: HTMLElement) => void} act */
function on(selector, what, act) {
  for (const element of document.querySelectorAll(selector)) {
    element.addEventListener(what, (event) => {
      event.preventDefault();
      act(/** @type {HTMLElement} */ (element));
    });
  }
}

/** Words of the page with what is true now put in. @param {HTMLElement} place @param {Record<string, unknown>} values */
function say(place, values, words = place.dataset.words ?? "") {
  place.textContent = words.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name] ?? ""));
}

/** @param {string} part */
function show(part) {
  for (const section of document.querySelectorAll("main > section")) {
    if (section instanceof HTMLElement) section.hidden = section.id !== part;
  }
  byId("signing").replaceChildren();
  focus(byId(part).querySelector("h1"));
}

function isInstalled() {
  // @ts-expect-error Only iPhones have it.
  return installed.matches || navigator.standalone === true;
}

/** @param {string} [invited] a lead's code that came with the address */
async function begin(invited = "") {
  byId("no-script").hidden = true;
  if (!isInstalled()) {
    const place = byId("tab-code");
    place.hidden = !invited;
    say(place, { code: invited });
    return show("tab");
  }
  if (!(await works())) {
    // Full, perhaps: what is here can still be sent, and that makes room.
    tellQueue().catch(() => {});
    return show("broken");
  }
  refreshKit();
  tellReady();
  tellStorage();
  const here = await facts();
  if (invited || (!here.standing && !here.pin)) return askToEnrol(invited);
  if (here.standing === "revoked") return showRevoked();
  await lock();
  await tellQueue();
}

/** @param {string} [invited] */
async function askToEnrol(invited = "") {
  const fields = form("enrol-form");
  fields.reset();
  for (const [name, text] of [["code", invited], ["label", (await facts()).device?.label ?? ""]]) {
    /** @type {HTMLInputElement} */ (fields.elements.namedItem(name)).value = text;
  }
  byId("enrol-waiting").hidden = !(await waiting()).length;
  byId("enrol-leave").hidden = !(await facts()).standing && !(await facts()).pin;
  show("enrol");
}

async function join() {
  const fields = form("enrol-form");
  const pin = value(fields, "pin");
  /** @type {Record<string, string>} */
  const mistakes = {};
  if (!value(fields, "code")) mistakes.code = "empty";
  if (!value(fields, "label")) mistakes.label = "empty";
  if (!/^\d{4,12}$/.test(pin)) mistakes.pin = "digits";
  else if (pin !== value(fields, "again")) mistakes.again = "different";
  if (tell(fields, mistakes)) return;
  const persisted = navigator.storage?.persist?.();
  const answer = await enrol(value(fields, "code"), value(fields, "label"));
  if (!answer.done) {
    tell(fields, { code: answer.said || "offline" });
    return;
  }
  await persisted?.catch(() => {});
  tellStorage();
  await setPin(pin);
  fields.reset();
  refreshKit();
  await keeping;
  flush({ now: true, again: true }).catch(() => {});
  await showHome();
}

/** What is chosen stays, while the phone is still invited to it; else the first there is. */
async function choose() {
  const { shifts = [], choice } = await facts();
  const shift = shifts.find(({ id }) => id === choice?.shift) ?? shifts.find(({ ended }) => !ended);
  const slugs = (await kit())?.campaigns.map(({ slug }) => slug) ?? [];
  const offered = shift?.campaigns.filter((slug) => slugs.includes(slug)) ?? [];
  const campaign = offered.includes(choice?.campaign ?? "") ? choice?.campaign : offered[0];
  await keep({ choice: shift && campaign ? { shift: shift.id, campaign } : undefined });
}

/** Ready for a signer: nothing but their languages. */
async function lock() {
  const { shifts = [], choice } = await facts();
  const shift = shifts.find(({ id }) => id === choice?.shift);
  const ready = Boolean(shift && choice);
  byId("not-chosen").hidden = ready;
  byId("start").hidden = !ready;
  byId("start-event").textContent = shift?.event ?? "";
  for (const button of document.querySelectorAll(".start-in")) {
    if (!(button instanceof HTMLElement)) continue;
    button.hidden = Boolean(shift?.languages.length) && !shift?.languages.includes(button.lang);
  }
  form("pin-form").reset();
  tell(form("pin-form"), {});
  const canvasser = /** @type {HTMLDetailsElement} */ (byId("canvasser"));
  canvasser.open = !ready;
  show("locked");
}

/** @param {string} language */
async function handOver(language) {
  const { device, choice } = await facts();
  if (!device || !choice) return lock();
  show("signing");
  await sign(byId("signing"), language, { device: device.id, ...choice }, lock);
}

async function unlock() {
  const fields = form("pin-form");
  const wait = await tryPin(value(fields, "pin"));
  fields.reset();
  if (!wait) return showHome();
  const place = /** @type {HTMLElement} */ (fields.querySelector(".field-error"));
  const seconds = Math.ceil(wait / 1000);
  const words = (wait > 1000 ? place.dataset.wait : place.dataset.wrong) ?? "";
  tell(fields, { "pin-typed": words.replace("%(seconds)s", String(seconds)) });
}

async function showHome() {
  await choose();
  await drawHome();
  await tellReady();
  show("home");
}

async function showRevoked() {
  await tellQueue();
  show("revoked");
}

/** @param {string} name @param {string} value @param {string} words @param {boolean} checked */
function radio(name, value, words, checked) {
  const blank = /** @type {HTMLTemplateElement} */ (byId("radio"));
  const label = /** @type {HTMLElement} */ (blank.content.cloneNode(true));
  const input = /** @type {HTMLInputElement} */ (label.querySelector("input"));
  Object.assign(input, { name, value, checked });
  /** @type {HTMLElement} */ (label.querySelector("span")).textContent = words;
  return label;
}

/** @param {string} slug */
async function titleOf(slug) {
  const found = (await kit())?.campaigns.find((each) => each.slug === slug)?.title;
  return found?.[code] ?? found?.en ?? slug;
}

async function drawHome() {
  const { device, shifts = [], choice } = await facts();
  const shift = shifts.find(({ id }) => id === choice?.shift);
  say(byId("home-event"), {}, shift?.event);
  say(byId("home-label"), {}, device?.label);
  byId("shifts").replaceChildren(
    ...shifts.map(({ id, event, place }) =>
      radio("shift", String(id), [event, place].filter(Boolean).join(", "), id === shift?.id),
    ),
  );
  const live = (await kit())?.campaigns.map(({ slug }) => slug) ?? [];
  const offered = (shift?.campaigns ?? []).filter((slug) => live.includes(slug));
  const titles = await Promise.all(offered.map(titleOf));
  byId("campaigns").replaceChildren(
    ...offered.map((slug, at) => radio("campaign", slug, titles[at], slug === choice?.campaign)),
  );
  byId("nothing-to-sign").hidden = offered.length > 0;
  /** @type {HTMLButtonElement} */ (byId("hand-over")).disabled = !choice;
  await drawNumbers();
}

async function drawNumbers() {
  const { shifts = [], standing, totals = {} } = await facts();
  byId("signed-out").hidden = standing !== "signed_out";
  const here = (await waiting()).map(totalOf);
  const rows = Object.entries(totals).map(async ([key, saved]) => {
    const sent = saved - here.filter((each) => each === key).length;
    const [id, slug] = key.split(" ");
    const event = shifts.find((each) => String(each.id) === id)?.event ?? id;
    const row = document.createElement("tr");
    const cells = [`${event}: ${await titleOf(slug)}`, String(saved), String(sent)];
    row.append(...cells.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return row;
  });
  byId("totals").replaceChildren(...(await Promise.all(rows)));
  byId("totals-box").hidden = !rows.length;
  await tellQueue();
}

/** How many wait, since when, and what came of the last try. */
async function tellQueue() {
  const all = await waiting();
  const { sent_at } = await facts();
  const wrong = all.filter((record) => record.wrong);
  const since = all.length ? moment.format(new Date(all[0].saved_at)) : "";
  for (const place of document.querySelectorAll(".waiting")) {
    if (!(place instanceof HTMLElement)) continue;
    say(place, { number: all.length, since }, all.length ? place.dataset.words : place.dataset.none);
  }
  const last = byId("sent-at");
  say(last, { moment: sent_at && moment.format(new Date(sent_at)) }, sent_at ? last.dataset.words : last.dataset.none);
  byId("attention").hidden = !wrong.length;
  byId("attention-list").replaceChildren(
    ...wrong.map((record) => {
      const line = document.createElement("li");
      line.textContent = `${moment.format(new Date(record.saved_at))}: ${record.wrong}`;
      return line;
    }),
  );
}

/** What changed at the house while there was no signal: campaigns, words, the key. */
function refreshKit() {
  if (performance.now() - kitAt < KIT_EVERY) return;
  kitAt = performance.now();
  keeping = keepHere(languages).catch(() => (kitAt = -KIT_EVERY)).then(tellReady);
}

async function tellStorage() {
  const place = byId("storage");
  const kept = await navigator.storage?.persisted?.();
  say(place, {}, kept ? place.dataset.kept : place.dataset.loose);
}

async function tellReady() {
  const place = byId("ready");
  const here = (await kit()) && (await caches.match(`/canvass?lang=${code}`));
  say(place, {}, here && navigator.serviceWorker?.controller ? place.dataset.yes : place.dataset.no);
}

async function saveFile() {
  const whole = await file();
  try {
    if (navigator.canShare?.({ files: [whole] })) return await navigator.share({ files: [whole] });
  } catch (error) {
    if (error instanceof Object && "name" in error && error.name === "AbortError") return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(whole);
  link.download = whole.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), EVERY);
}

/** Sending changed what is known. */
async function refresh() {
  const { standing } = await facts();
  if (standing === "revoked" && byId("enrol").hidden && byId("revoked").hidden) {
    // Loaded anew, nothing of before is left in the page, hidden or not.
    location.reload();
  } else if (!byId("home").hidden) await drawNumbers();
  else await tellQueue();
}

function visible() {
  if (!isInstalled()) return;
  if (document.visibilityState === "visible") {
    flush().catch(() => {});
    refreshKit();
  }
  // Out of the canvasser's sight the numbers need the PIN again.
  else if (!byId("home").hidden) lock();
}

on("#enrol-form", "submit", () => join());
on("#pin-form", "submit", () => unlock());
on(".start-in", "click", (button) => handOver(button.lang));
on("#hand-over", "click", () => lock());
on(".send-now", "click", () => flush({ now: true, again: true }).catch(() => {}));
on(".save-file", "click", () => saveFile());
on(".invited-again", "click", () => askToEnrol());
on("#enrol-leave, .try-again", "click", () => begin());
byId("home").addEventListener("change", async (event) => {
  const { name, value } = /** @type {HTMLInputElement} */ (event.target);
  const { choice } = await facts();
  if (name === "shift") await keep({ choice: { shift: Number(value), campaign: choice?.campaign ?? "" } });
  else if (choice) await keep({ choice: { ...choice, campaign: value } });
  await showHome();
});
document.addEventListener("canvass", () => {
  clearTimeout(soon);
  soon = setTimeout(refresh, 200);
});
document.addEventListener("canvass-saved", () => flush().catch(() => {}));
document.addEventListener("visibilitychange", visible);
addEventListener("online", () => isInstalled() && flush({ now: true }).catch(() => {}));
addEventListener("pageshow", visible);
// Nobody finds by Back or Forward what somebody wrote or was given here.
addEventListener("pagehide", () => byId("signing").replaceChildren());
addEventListener("pageshow", (event) => event.persisted && begin());
installed.addEventListener("change", () => begin());
navigator.serviceWorker?.addEventListener("controllerchange", tellReady);
setInterval(visible, EVERY);

const invited = location.hash.slice(1, 40);
// The code belongs in no history.
if (invited) history.replaceState(null, "", location.pathname + location.search);
begin(invited);
