// @ts-check
/// <reference lib="webworker" />
// The site on the phone. The server puts `self.BUILD` (what this release is made of) and the finder
// before this file. Pages come from one file of everything a language, so that which county someone
// looks up is asked of nobody; what is not in it is asked of the network.

/**
 * @typedef {{title: string, scripts: string, main: string}} PagePart
 * @typedef {{finder: unknown, sources: Record<string, string>,
 *   languages: Record<string, {frame: string, pages: Record<string, PagePart>}>}} Bundle
 * @typedef {{kind: string, counties: string[], reason: string, suggestions: string[], place: string}} Found
 */

const worker = /** @type {ServiceWorkerGlobalScope & {
 *   BUILD: {version: string, assets: string[], records: string[], words: Record<string, {title: string, body: string}>},
 *   finder: {find: (text: string, data: unknown) => Found}}} */ (/** @type {unknown} */ (self));

const FINDER = "/offline/gazetteer.json";
// What the record cites, the same in every language; its pages have marks in these places.
const SOURCES = "/offline/sources.json";
// Pages beside the record, in files of their own.
const MORE = ["/offline/more.json", "/offline/detained.json"];
const FILES = [FINDER, SOURCES, ...worker.BUILD.records, ...MORE];
const SHELL = `shell-${worker.BUILD.version}`;
const RECORD = "record"; // outlives a release: yesterday's record is better than none
const HELP = "help"; // the list of help for the counties somebody chose, and its page
const PLACES = "/enrollment/places";
const CANVASS = "canvass"; // the canvassers' app, which its own page keeps here, and its address
const CHOICE = "/offline/language"; // an entry of the cache, never an address that is asked
const OFTEN = 10 * 60 * 1000;
const ALERTS = "alerts"; // what this phone holds so that it can be rung
const HOLDS = "/alerts/held"; // entries of that cache, never addresses that are asked
const LAST_SHOWN = "/alerts/received";
const AWAITS = "/alerts/awaits"; // since when somebody waits for a test here
const TEST_GOOD_FOR = 60 * 60 * 1000;
const MARK = "/static/img/mark.svg";

/** @type {{text: Promise<Bundle> | null, headers: Headers | null, asked: number, opened: number}} */
const held = { text: null, headers: null, asked: 0, opened: 0 };

worker.addEventListener("install", (event) => {
  event.waitUntil(install());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

worker.addEventListener("message", (event) => {
  if (event.data === "update") worker.skipWaiting();
  if (event.data === "refresh") event.waitUntil(refresh(true));
  if (event.data?.language) {
    // Every page says so when it opens.
    event.waitUntil(choose(event.data.language));
    event.waitUntil(reconcile().catch(() => {}));
  }
  if (event.data?.help) event.waitUntil(keepHelp(String(event.data.help)).catch(() => {}));
  if (event.data?.find) event.waitUntil(answerFind(event.data.find, event.ports[0]));
});

worker.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== worker.location.origin) return;
  if (address.pathname.startsWith("/static/")) {
    event.respondWith(asset(event.request));
  } else if (/^\/offline\/counties\/[a-z-]+\/help\.json$/.test(address.pathname)) {
    event.respondWith(help(event, address));
  } else if (event.request.headers.get("HX-Request") === "true") {
    event.respondWith(part(event.request, address));
  } else if (event.request.mode === "navigate" && address.pathname === `/${CANVASS}`) {
    event.respondWith(canvass(event, address));
  } else if (event.request.mode === "navigate") {
    event.respondWith(page(event, address));
  }
});

worker.addEventListener("push", (event) => {
  // At once and always, whatever came: a phone takes the permission away where nothing is shown.
  const told = toldIn(event.data);
  event.waitUntil(worker.registration.showNotification(told.title, told.options));
  event.waitUntil(noteShown().catch(() => {}));
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(goTo(ownAddress(event.notification.data?.navigate)));
});

worker.addEventListener("pushsubscriptionchange", (event) => {
  held.opened = 0;
  /** @type {ExtendableEvent} */ (event).waitUntil(reconcile().catch(() => {}));
});

/** Everything or nothing: a release that is only half here would break where it hurts. */
async function install() {
  const shell = await caches.open(SHELL);
  await shell.addAll(worker.BUILD.assets.map((path) => new Request(path, { cache: "reload" })));
  const record = await caches.open(RECORD);
  for (const file of FILES) {
    const fresh = await fetch(file, { cache: "no-cache" });
    if (!isRecord(fresh)) throw new Error("The record could not be fetched.");
    await record.put(file, fresh);
  }
}

/** A hotel's sign-in page also answers 200. @param {Response} response */
function isRecord(response) {
  const kind = response.headers.get("content-type") ?? "";
  return response.ok && !response.redirected && kind.startsWith("application/json");
}

async function activate() {
  for (const name of await caches.keys()) {
    if (![SHELL, RECORD, HELP, ALERTS, CANVASS].includes(name)) await caches.delete(name);
  }
  // An earlier release had every language in one.
  await (await caches.open(RECORD)).delete("/offline/bundle.json");
  await worker.clients.claim();
}

/** @param {Request} request */
async function asset(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/**
 * What htmx asks for. A county's record is a page's whole main part, and comes from the phone;
 * other parts, such as another day, are asked of the network.
 * @param {Request} request @param {URL} address
 */
async function part(request, address) {
  const bundle = await read();
  const found = bundle && pageOf(bundle, await language(bundle), address);
  if (found && !address.search && found.main.startsWith('<article id="record"')) {
    return answer(found.main);
  }
  try {
    return await fetch(request);
  } catch {
    const offline = bundle?.languages[await language(bundle)]?.pages["/offline"];
    return answer(offline?.main ?? "", 503);
  }
}

/** @param {FetchEvent} event @param {URL} address */
async function page(event, address) {
  const bundle = await read();
  if (!bundle) return fetch(event.request);
  const asked = address.searchParams.get("lang");
  if (asked && asked in bundle.languages) await choose(asked);
  const code = await language(bundle);
  event.waitUntil(refresh(false));
  if (address.pathname === "/find") return find(bundle, code, address.searchParams.get("q") ?? "");
  const found = pageOf(bundle, code, address);
  if (found) return whole(bundle, code, found, address.pathname);
  try {
    return await fetch(event.request);
  } catch {
    const kept = address.pathname === PLACES && (await keptPlaces(code));
    if (kept) return kept;
    return whole(bundle, code, bundle.languages[code].pages["/offline"], "", 503);
  }
}

/**
 * The canvassers' app: what is kept opens at once, where the line is bad too, and is made new by
 * the app itself.
 * @param {FetchEvent} event @param {URL} address
 */
async function canvass(event, address) {
  const asked = address.searchParams.get("lang");
  // Never opened here: that would leave an empty one on the phone of whoever just looks.
  /** @param {string} code */
  const inLanguage = (code) => caches.match(`/${CANVASS}?lang=${code}`, { cacheName: CANVASS });
  const found = asked && (await inLanguage(asked));
  if (found) await choose(asked);
  const chosen = await (await caches.open(RECORD)).match(CHOICE);
  return found || (await inLanguage(chosen ? await chosen.text() : "en")) || page(event, address);
}

/**
 * The page an address means, where it is in the bundle. Another day's page is not.
 * @param {Bundle} bundle @param {string} code @param {URL} address
 * @returns {PagePart | undefined}
 */
function pageOf(bundle, code, address) {
  const path = "/" + address.pathname.split("/").filter(Boolean).join("/");
  const wanted = new URLSearchParams(address.search);
  wanted.delete("lang");
  if (path === "/counties" && wanted.get("question") === "transfer") wanted.delete("question");
  const query = wanted.toString();
  const found = bundle.languages[code].pages[query ? `${path}?${query}` : path];
  const cited = found?.main.replace(/<!--source:([0-9a-f]{8})-->/g, (_, mark) => bundle.sources[mark] ?? "");
  return found && { ...found, main: cited };
}

/** @param {Bundle} bundle @param {string} code @param {string} typed */
function find(bundle, code, typed) {
  const found = worker.finder.find(typed, bundle.finder);
  if (found.kind === "county") {
    return Response.redirect(`/counties/${found.counties[0]}`, 303);
  }
  const several = found.kind === "counties";
  const form = several ? (found.place ? "place" : "typed") : found.reason;
  const blank = bundle.languages[code].pages[`/find/forms/${form}`];
  const keep = new Set(several ? found.counties : found.suggestions);
  let main = blank.main.replace(
    /<li><a class="choice" href="\/counties\/([a-z-]+)"[^]*?<\/li>\s*/g,
    (choice, slug) => (keep.has(slug) ? choice : ""),
  );
  if (!keep.size) main = main.replace(/<div class="suggestions">[^]*?<\/div>/, "");
  main = main
    .replaceAll("{typed}", () => escaped(typed.slice(0, 200)))
    .replaceAll("{place}", () => escaped(found.place));
  return whole(bundle, code, { ...blank, main }, "/", several ? 200 : 404);
}

/**
 * A page set into its frame, with its place marked in the navigation.
 * @param {Bundle} bundle @param {string} code @param {PagePart} found
 * @param {string} path @param {number} [status]
 */
function whole(bundle, code, found, path, status = 200) {
  const place = ` /${path.split("/")[1]} `;
  const frame = bundle.languages[code].frame
    .replace("<!--title-->", () => found.title)
    .replace("<!--scripts-->", () => found.scripts)
    .replace(/ data-of="([^"]+)"/g, (start, of) =>
      of.includes(place) ? `${start} aria-current="page"` : start,
    );
  return answer(frame.replace("<!--main-->", () => found.main), status, code);
}

/** @param {string} body @param {number} [status] @param {string} [code] */
function answer(body, status = 200, code) {
  // The bundle came with the site's security headers; a page made from it keeps them.
  const headers = new Headers(held.headers ?? undefined);
  for (const name of ["content-encoding", "content-length", "etag"]) headers.delete(name);
  headers.set("content-type", "text/html; charset=utf-8");
  if (code) headers.set("content-language", code);
  return new Response(body, { status, headers });
}

/** @returns {Promise<Bundle | null>} */
async function read() {
  if (!held.text) {
    const finder = await (await caches.open(RECORD)).match(FINDER);
    if (!finder) return null;
    held.headers = finder.headers;
    held.text = together(finder);
  }
  return held.text;
}

/** The record and the pages beside it as one. @param {Response} finder @returns {Promise<Bundle>} */
async function together(finder) {
  const kept = await caches.open(RECORD);
  /** @type {Bundle} */
  const bundle = { finder: (await finder.json()).finder, sources: {}, languages: {} };
  const cited = await kept.match(SOURCES);
  if (cited) bundle.sources = (await cited.json()).sources;
  for (const file of worker.BUILD.records) {
    const record = await (await kept.match(file))?.json();
    if (record) bundle.languages[record.language] = { frame: record.frame, pages: record.pages };
  }
  for (const file of MORE) {
    const more = await kept.match(file);
    const languages = more ? (await more.json()).languages : {};
    for (const code of Object.keys(languages)) {
      Object.assign(bundle.languages[code]?.pages ?? {}, languages[code].pages);
    }
  }
  return bundle;
}

/**
 * Ask whether there is a newer record: as a whole, so that asking tells nothing.
 * @param {boolean} now
 */
async function refresh(now) {
  if (!now && Date.now() - held.asked < OFTEN) return;
  held.asked = Date.now();
  try {
    for (const file of FILES) {
      const fresh = await fetch(file, { cache: "no-cache" });
      if (isRecord(fresh)) await (await caches.open(RECORD)).put(file, fresh);
    }
    held.text = null;
  } catch {
    // No network: what is here stays.
  }
}

/**
 * Keep a county's list of help, and the page that shows it in every language. Without cookies: the
 * page in another language shall not become the reader's.
 * @param {string} slug
 */
async function keepHelp(slug) {
  if (!/^[a-z-]+$/.test(slug)) return;
  const kept = await caches.open(HELP);
  const list = await fetch(`/offline/counties/${slug}/help.json`, { cache: "no-cache" });
  if (isRecord(list)) await kept.put(`/offline/counties/${slug}/help.json`, list);
  const bundle = await read();
  for (const code of Object.keys(bundle?.languages ?? {})) {
    const page = await fetch(`${PLACES}?lang=${code}`, { credentials: "omit", cache: "no-cache" });
    if (!page.ok || page.redirected) continue;
    const needs = (await page.clone().text()).match(/\/static\/[^"#]+/g) ?? [];
    for (const asset of new Set(needs)) {
      if (!(await caches.match(asset))) await kept.add(asset);
    }
    await kept.put(`${PLACES}?lang=${code}`, page);
  }
}

/** @param {string} code */
async function keptPlaces(code) {
  return (await caches.open(HELP)).match(`${PLACES}?lang=${code}`);
}

/** What is kept at once, and a newer one for the next time. @param {FetchEvent} event @param {URL} address */
async function help(event, address) {
  const kept = await caches.open(HELP);
  const there = await kept.match(address.pathname);
  const fresh = fetch(event.request).then(async (list) => {
    if (there && isRecord(list)) await kept.put(address.pathname, list.clone());
    return list;
  });
  if (!there) return fresh;
  event.waitUntil(fresh.catch(() => {}));
  return there;
}

/** Which counties the words mean, for a page without a network. @param {unknown} typed @param {MessagePort} port */
async function answerFind(typed, port) {
  const bundle = await read();
  port?.postMessage(bundle && worker.finder.find(String(typed), bundle.finder));
}

/** @param {Bundle} bundle */
async function language(bundle) {
  const kept = await (await caches.open(RECORD)).match(CHOICE);
  const code = kept ? await kept.text() : "en";
  return code in bundle.languages ? code : "en";
}

/** @param {string} code */
async function choose(code) {
  await (await caches.open(RECORD)).put(CHOICE, new Response(code));
}

/** @param {string} text */
function escaped(text) {
  /** @type {Record<string, string>} */
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => names[letter]);
}

/**
 * What an alert says, in the shape that Safari shows by itself (Declarative Web Push). Of anything
 * else, the neutral words.
 * @param {PushMessageData | null} data
 */
function toldIn(data) {
  /** @type {any} */
  let said = null;
  try {
    said = data?.json()?.notification;
  } catch {
    // Not ours, or broken.
  }
  const code = worker.navigator.language.split("-")[0];
  const words = worker.BUILD.words[code] ?? worker.BUILD.words.en;
  const known = text(said?.title) !== "";
  const title = known ? text(said.title) : words.title;
  return {
    title,
    options: {
      body: known ? text(said.body) : words.body,
      lang: text(said?.lang) || code,
      dir: /** @type {NotificationDirection} */ (said?.dir === "rtl" ? "rtl" : "auto"),
      tag: text(said?.tag) || "update",
      icon: worker.BUILD.assets.find((path) => path.includes("/icons/192")) ?? MARK,
      data: { navigate: ownAddress(said?.navigate) },
    },
  };
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : "";
}

/** A page of ours, whatever was asked for. @param {unknown} address */
function ownAddress(address) {
  try {
    const asked = new URL(text(address) || "/", worker.location.origin);
    return asked.origin === worker.location.origin ? asked.href : `${worker.location.origin}/`;
  } catch {
    return `${worker.location.origin}/`;
  }
}

/** @param {string} address */
async function goTo(address) {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const window of windows) {
    try {
      await (await window.focus()).navigate(address);
      return;
    } catch {
      // Not ours to steer, or not now: another, or a new one.
    }
  }
  await worker.clients.openWindow(address);
}

/**
 * When one was shown stays here, where the page looks for it. We are told only of a test that
 * somebody asked for: when a phone lights up is nobody's business.
 */
async function noteShown() {
  const mine = await caches.open(ALERTS);
  const holds = await mine.match(HOLDS);
  if (!holds) return;
  await mine.put(LAST_SHOWN, new Response(new Date().toISOString()));
  const asked = await mine.match(AWAITS);
  if (!asked) return;
  await mine.delete(AWAITS);
  if (Date.now() - Number(await asked.text()) > TEST_GOOD_FOR) return;
  await tellOfAlerts("/received", await holds.json());
}

/**
 * The app was opened: does what the browser has fit what the server has? Nobody can rely on being
 * told when it changes.
 */
async function reconcile() {
  const mine = (await caches.has(ALERTS)) ? await (await caches.open(ALERTS)).match(HOLDS) : null;
  if (!mine) return;
  const { secret, over } = await mine.json();
  if (over) {
    // Turned off while there was no connection: all that is left is to tell it.
    if ((await tellOfAlerts("/end", { secret })) !== null) await caches.delete(ALERTS);
    return;
  }
  if (Date.now() - held.opened < OFTEN) return;
  held.opened = Date.now();
  const { pushManager } = worker.registration;
  const standing = await pushManager.getSubscription();
  const told = await tellOfAlerts("/opened", {
    secret,
    endpoint: standing?.endpoint ?? null,
    key: standing ? keyOf(standing) : null,
  });
  if (told === null) {
    held.opened = 0; // no connection: ask again when the next page opens
  } else if (told.standing === "unknown") {
    // Unless the page has just turned them on anew.
    if ((await secretHeld()) === secret) await standing?.unsubscribe();
  } else if (told.standing === "subscribe" && Notification.permission === "granted") {
    // Under another key a browser lets nobody subscribe beside the line that stands.
    if (standing && keyOf(standing) !== told.key) await standing.unsubscribe();
    const options = { userVisibleOnly: true, applicationServerKey: told.key };
    const fresh = await pushManager.subscribe(options);
    const { endpoint, keys } = fresh.toJSON();
    const turned = await tellOfAlerts("", { secret, endpoint, keys, key: told.key });
    if (turned?.secret) await keepSecret(turned.secret);
    else await fresh.unsubscribe();
  }
}

/** @param {string} secret */
async function keepSecret(secret) {
  await (await caches.open(ALERTS)).put(HOLDS, new Response(JSON.stringify({ secret })));
}

async function secretHeld() {
  const mine = await (await caches.open(ALERTS)).match(HOLDS);
  return mine ? (await mine.json()).secret : null;
}

/** The answer; null when there is no connection. @param {string} path @param {object} body @returns {Promise<any>} */
async function tellOfAlerts(path, body) {
  try {
    const answer = await fetch(`/alerts/subscription${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await answer.json();
  } catch {
    return null;
  }
}

/** @param {PushSubscription} subscription */
function keyOf(subscription) {
  const key = subscription.options.applicationServerKey;
  if (!key) return "";
  const signs = btoa(String.fromCharCode(...new Uint8Array(key)));
  return signs.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
