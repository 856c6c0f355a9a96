// The directory on the phone: near where I stand, and without a network. What the phone's place is,
// and what is looked for here, is sent to nobody. Searching works without this file.

/**
 * @typedef {object} Help what `enrollment/kept_on_phone.py` writes
 * @property {string} made_on
 * @property {{slug: string, name: string}} county
 * @property {number} left_out
 * @property {Record<string, [number, number]>} points
 * @property {Record<string, Words>} words
 * @property {Place[]} places
 */
/**
 * @typedef {{kind: string, name: string, org?: string, address?: string, phones?: string[][],
 *   languages?: string[], hours?: [string, string, string][], about?: Record<string, string>,
 *   ask?: Record<string, string>, alert?: Record<string, string>, at?: [number, number],
 *   zip?: boolean, checked?: string, review?: string, mine?: boolean, all?: boolean}} Place
 */
/** @typedef {Record<string, any>} Words */
/** @typedef {[latitude: number, longitude: number]} Point */

const METERS_PER_MILE = 1609.344;
const FIRST = 40;
const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const code = document.documentElement.lang;

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/** Meters between two points, by the haversine formula. @param {Point} one @param {Point} other */
export function metersBetween(one, other) {
  const [lat1, lon1, lat2, lon2] = [...one, ...other].map((each) => (each * Math.PI) / 180);
  const part =
    Math.sin((lat2 - lat1) / 2) ** 2 +
    Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(part)));
}

/** The day (0 is Monday) and time it is in California. @param {Date} moment */
export function inCalifornia(moment) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(moment);
  /** @param {string} type */
  const part = (type) => parts.find((each) => each.type === type)?.value ?? "";
  const day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(part("weekday"));
  return { day, time: `${part("hour")}:${part("minute")}` };
}

/** @param {Place} place @param {{day: number, time: string}} now */
function isOpen(place, now) {
  return (place.hours ?? []).some(
    ([days, opens, closes]) =>
      days.split(",").includes(DAYS[now.day]) && opens <= now.time && now.time < closes,
  );
}

/** @param {string} words @param {Record<string, string>} values */
function filled(words, values) {
  return words.replace(/%\((\w+)\)s/g, (_whole, name) => values[name] ?? "");
}

/** @param {string} text */
function clock(text) {
  const [hour, minute] = text.split(":").map(Number);
  const moment = new Date(2000, 0, 1, hour, minute);
  const locale = code === "es" ? "es-US" : code;
  return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(moment);
}

/** @param {string} text */
function dayInWords(text) {
  const [year, month, day] = text.split("-").map(Number);
  const locale = code === "es" ? "es-US" : code;
  return new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(
    new Date(year, month - 1, day),
  );
}

/** @param {Place} place @param {Words} words */
function hoursOf(place, words) {
  if (!place.hours?.length) return [words.no_hours];
  return place.hours.map(([days, opens, closes]) => {
    const numbers = days.split(",").map((day) => DAYS.indexOf(day));
    const names = numbers.map((number) => words.days[number]);
    const span =
      numbers.length > 2 && numbers[numbers.length - 1] - numbers[0] === numbers.length - 1
        ? filled(words.to, { first: names[0], last: names[names.length - 1] })
        : names.join(", ");
    return filled(words.hours, { days: span, opens: clock(opens), closes: clock(closes) });
  });
}

/** @param {number} meters @param {Place} place @param {Words} words */
function distanceOf(meters, place, words) {
  const miles = meters / METERS_PER_MILE;
  if (place.zip && miles < 1) return words.close;
  const number = new Intl.NumberFormat(code).format(miles < 10 ? Math.round(miles * 10) / 10 : Math.round(miles));
  return filled(place.zip ? words.about_miles : words.miles, { number });
}

/** @param {string[][]} phones @param {string} wanted */
function phonesFor(phones, wanted) {
  /** @param {string[]} phone */
  const order = ([, , ...spoken]) => {
    if (spoken.includes(wanted)) return 0;
    return !spoken.length ? 1 : spoken.includes("en") ? 2 : 3;
  };
  return [...phones].sort((one, other) => order(one) - order(other));
}

/**
 * @param {Place & {meters?: number}} place @param {Words} words @param {string} wanted
 * @param {HTMLTemplateElement} template
 */
function cardOf(place, words, wanted, template) {
  const card = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  /** @param {string} selector @param {string | undefined} text */
  const put = (selector, text) => {
    const element = card.querySelector(selector);
    if (text && element) element.textContent = text;
    else element?.remove();
  };
  /** @param {Record<string, string> | undefined} text */
  const said = (text) => text && (text[code] ?? text.en);
  const kind = words.kinds[place.kind] ?? "";
  const away = place.meters === undefined ? "" : ` · ${distanceOf(place.meters, place, words)}`;
  put(".kind", kind + away);
  put("h3", place.name);
  put(".org", place.org);
  put(".warning", said(place.alert));
  put(".about", said(place.about) ?? words.about[place.kind]);
  const asked = said(place.ask);
  put(".ask", asked && filled(words.ask, { words: asked }));
  put(".where", place.address);
  put(".hours", hoursOf(place, words).join(" · "));
  const spoken = (place.languages ?? []).map((each) => words.languages[each] ?? each).join(", ");
  put(".spoken", spoken ? filled(words.speaks, { languages: spoken }) : words.no_languages);
  const today = new Date().toISOString().slice(0, 10);
  const day = place.checked ? dayInWords(place.checked) : "";
  const stale = Boolean(place.review && place.review < today);
  put(".checked", day ? filled(stale ? words.stale : words.checked, { day }) : words.unchecked);
  if (stale || !day) card.querySelector(".checked")?.classList.add("due");
  const list = card.querySelector(".phones");
  for (const [shown, address, ...languages] of phonesFor(place.phones ?? [], wanted).slice(0, 3)) {
    const link = document.createElement("a");
    link.className = "phone";
    link.href = address;
    link.textContent = shown;
    const item = document.createElement("li");
    item.append(link, " ", languages.map((each) => words.languages[each] ?? each).join(", "));
    list?.append(item);
  }
  if (!place.phones?.length) list?.remove();
  return card;
}

/**
 * The county's list, from where somebody is.
 * @param {Help} help @param {Point | undefined} from
 * @param {{language: string, kind: string, open: boolean}} wanted
 */
function show(help, from, wanted) {
  const results = byId("results");
  const template = byId("card");
  const said = byId("on-phone")?.dataset ?? {};
  if (!results || !(template instanceof HTMLTemplateElement)) return;
  const words = help.words[code] ?? help.words.en;
  const now = inCalifornia(new Date());
  const today = new Date().toISOString().slice(0, 10);
  const found = help.places.map((place) => ({
    ...place,
    meters: from && place.at ? metersBetween(from, place.at) : undefined,
  }));
  const fits = found.filter(
    (place) =>
      place.all ||
      ((!wanted.kind || place.kind === wanted.kind) &&
        (!wanted.open || isOpen(place, now)) &&
        (!wanted.language || !place.languages || place.languages.includes(wanted.language))),
  );
  fits.sort(
    (one, other) =>
      Number(Boolean(one.review && one.review < today)) -
        Number(Boolean(other.review && other.review < today)) ||
      (one.meters ?? Infinity) - (other.meters ?? Infinity) ||
      0,
  );
  /** @param {string} title @param {typeof fits} places @param {string} [note] */
  const part = (title, places, note) => {
    if (!places.length) return [];
    const section = document.createElement("section");
    section.className = "part";
    const heading = document.createElement("h2");
    heading.textContent = title;
    const list = document.createElement("ol");
    list.className = "place-list";
    const wish = wanted.language || code;
    list.append(...places.map((place) => cardOf(place, words, wish, template)));
    section.append(heading, list);
    if (note) section.append(note);
    return [section];
  };
  const near = fits.filter((place) => !place.mine && !place.all);
  results.replaceChildren(
    ...part(
      filled(said.wordsMine ?? "", { county: help.county.name }),
      fits.filter((place) => place.mine),
    ),
    ...part(
      said.wordsNear ?? "",
      near.slice(0, FIRST),
      help.left_out || near.length > FIRST ? said.wordsLeftOut : "",
    ),
    ...part(
      said.wordsAll ?? "",
      fits.filter((place) => place.all),
    ),
  );
}

/** @param {string} slug @returns {Promise<Help | null>} */
async function helpOf(slug) {
  try {
    const answer = await fetch(`/offline/counties/${slug}/help.json`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Any county's list that is on this phone. @returns {Promise<Help | null>} */
async function keptHelp() {
  const kept = await globalThis.caches?.open("help");
  for (const { url } of (await kept?.keys()) ?? []) {
    if (url.endsWith("/help.json")) return (await kept.match(url))?.json() ?? null;
  }
  return null;
}

/** What the words mean, asked of the worker. @param {string} typed @returns {Promise<any>} */
function find(typed) {
  return new Promise((resolve) => {
    const worker = navigator.serviceWorker?.controller;
    if (!worker) return resolve(null);
    const channel = new MessageChannel();
    channel.port1.onmessage = (event) => resolve(event.data);
    worker.postMessage({ find: typed }, [channel.port2]);
  });
}

/** The kept page came instead of the one that was asked for: answer from what is on the phone. */
async function answerHere() {
  const query = new URLSearchParams(location.search);
  const typed = query.get("zip") || query.get("county") || query.get("city") || "";
  const said = byId("on-phone")?.dataset ?? {};
  const answer = byId("help-answer");
  const found = typed ? await find(typed.replace(/-/g, " ")) : null;
  const slug = found?.counties?.[0];
  const here = slug ? await helpOf(slug) : null;
  const help = here ?? (await keptHelp());
  for (const name of ["zip", "language", "kind"]) {
    const field = byId(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) {
      field.value = query.get(name) ?? (name === "zip" ? typed : "");
    }
  }
  if (!help) {
    if (answer) answer.textContent = said.wordsNothing ?? "";
    return;
  }
  const saved = byId("saved");
  if (saved) {
    saved.textContent = filled(saved.dataset.words ?? "", { day: dayInWords(help.made_on) });
    saved.hidden = false;
  }
  if (!here) help.places = help.places.filter((place) => place.all);
  if (!here && typed && answer) answer.textContent = said.wordsNone ?? "";
  show(help, help.points[typed.trim().slice(0, 5)], {
    language: query.get("language") ?? "",
    kind: query.get("kind") ?? "",
    open: query.get("open") === "1",
  });
}

/** @param {HTMLButtonElement} button @param {HTMLElement} answer */
async function nearHere(button, answer) {
  const said = button.dataset;
  button.disabled = true;
  answer.textContent = said.wordsWorking ?? "";
  try {
    /** @type {GeolocationPosition} */
    const { coords } = await new Promise((resolve, reject) => {
      navigator.geolocation.getCurrentPosition(resolve, reject, {
        timeout: 15_000,
        maximumAge: 600_000,
      });
    });
    const { decode, countiesAt } = await import(said.locate ?? "");
    const outlines = decode(await (await fetch(said.outlines ?? "")).json());
    /** @type {string[]} */
    const fips = countiesAt(outlines, coords.longitude, coords.latitude, 0);
    const slug = JSON.parse(said.counties ?? "{}")[fips[0]];
    const help = slug && (await helpOf(slug));
    if (!slug) answer.textContent = said.wordsOutside ?? "";
    else if (!help) answer.textContent = said.wordsFailed ?? "";
    else {
      answer.textContent = "";
      show(help, [coords.latitude, coords.longitude], { language: "", kind: "", open: false });
      keep(slug);
    }
  } catch (error) {
    const denied = error instanceof Object && "code" in error && error.code === 1;
    answer.textContent = (denied ? said.wordsDenied : said.wordsFailed) ?? "";
  } finally {
    button.disabled = false;
  }
}

/** Whoever looked for help in a county can look again without a network. @param {string} slug */
async function keep(slug) {
  if (!("serviceWorker" in navigator)) return;
  const ready = await navigator.serviceWorker.ready;
  ready.active?.postMessage({ help: slug });
}

function start() {
  const results = byId("results");
  const button = byId("help-here");
  const answer = byId("help-answer");
  if (!results || !answer) return;
  const query = new URLSearchParams(location.search);
  const asked = query.get("zip") || query.get("county") || query.get("city");
  const offline = (asked && !results.dataset.asked) || navigator.onLine === false;
  if (offline) answerHere().catch(() => {});
  else {
    const counties = (results.dataset.counties ?? "").split(" ").filter(Boolean);
    if (counties.length === 1) keep(counties[0]);
  }
  if (button instanceof HTMLButtonElement && window.isSecureContext && "geolocation" in navigator) {
    button.hidden = false;
    button.addEventListener("click", () => nearHere(button, answer));
  }
}

if (typeof document !== "undefined") start();
