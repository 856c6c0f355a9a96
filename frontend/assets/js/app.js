// What every page does once it stands: the worker, the bars, the language, my county. Everything a
// page needs to be read works without this file.

setPolicy();

const QUIET_AFTER_NO = 30 * 24 * 3600 * 1000;
const INSIDE_ANOTHER_APP = /FBAN|FBAV|Instagram|Line\/|MicroMessenger|WhatsApp|Snapchat|; wv\)/;

/**
 * htmx and we turn answers into parts of a page, and this default policy of the Trusted Types lets
 * only text become one that is made of what our templates are made of: it is read by the browser's
 * own parser, in a document that runs nothing. It stands before htmx: this script comes first.
 */
function setPolicy() {
  const { trustedTypes } = window;
  if (!trustedTypes) return;
  const inert = trustedTypes.createPolicy("inert", { createHTML: (text) => text });
  const tags = new Set(
    ("a abbr article aside b bdi blockquote body br button caption circle cite code data datalist " +
      "dd defs del details div dl dt em fieldset figcaption figure footer form g h1 h2 h3 h4 head header hr html i img " +
      "input ins label legend li line main mark meta nav noscript ol optgroup option output p path " +
      "pattern pre progress rect s section select small span strong sub summary sup svg table tbody " +
      "td template text textarea tfoot th thead time title tr u ul use").split(" "),
  );
  const addresses = /^(?:href|xlink:href|src|action|formaction|poster|ping|data|hx-(?:get|post|put|patch|delete|push-url))$/;
  const ways = /^(?:https?|mailto|tel|sms|geo|webcal):$/;

  /** @param {Attr} attribute @param {Element} element */
  const isOurs = ({ name, value }, element) => {
    if (/^on|^hx-on|^http-equiv$|^srcdoc$|^style$/.test(name) || /^\s*(?:js|javascript):/i.test(value)) return false;
    if (!addresses.test(name) || value === "") return true;
    const { protocol, origin } = new URL(value, location.href);
    if (origin === location.origin) return true;
    return (element.localName === "a" && ways.test(protocol)) || (name === "src" && protocol === "data:");
  };
  /** @param {ParentNode} part */
  const check = (part) => {
    for (const element of part.querySelectorAll("*")) {
      if (!tags.has(element.localName) || ![...element.attributes].every((each) => isOurs(each, element))) {
        throw new TypeError("This answer holds something that could run.");
      }
      if (element instanceof HTMLTemplateElement) check(element.content);
    }
  };
  trustedTypes.createPolicy("default", {
    createHTML: (text) => {
      const trusted = /** @type {string} */ (/** @type {unknown} */ (inert.createHTML(text)));
      check(new DOMParser().parseFromString(trusted, "text/html"));
      return text;
    },
    createScriptURL: (address) => {
      if (new URL(address, location.href).origin !== location.origin) {
        throw new TypeError("Scripts come from this site only.");
      }
      return address;
    },
  });
}

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/** @param {string} selector @param {(element: HTMLElement) => void} each */
function forEach(selector, each) {
  for (const element of document.querySelectorAll(selector)) {
    if (element instanceof HTMLElement) each(element);
  }
}

/** Storage can be off, or full: then nothing is kept and everything else still works. */
const memory = {
  /** @param {string} name */
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  /** @param {string} name @param {string | null} value */
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {
      // The page says what it says without it.
    }
  },
};

function moveWithHtmx() {
  const toFocus = () => [...document.querySelectorAll("main [data-focus]")];
  const old = new WeakSet(toFocus());
  // People who hear or tab the page land on what is new, and stay where they are else.
  document.addEventListener("htmx:after:swap", () => {
    for (const target of toFocus()) {
      if (!old.has(target) && target instanceof HTMLElement) target.focus({ preventScroll: true });
      old.add(target);
    }
    keepCountyButton();
    showWhatComes().catch(() => {});
  });
  document.addEventListener("htmx:error", () => {
    const live = byId("live");
    if (live) live.textContent = live.dataset.wordsFailed ?? "";
  });
}

/** Who follows a link to something folded away, or prints, gets to see it. */
function unfold() {
  const open = () => {
    const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
    let folded = target?.closest("details");
    if (!target || !folded) return;
    for (; folded; folded = folded.parentElement?.closest("details")) folded.open = true;
    target.scrollIntoView();
  };
  open();
  window.addEventListener("hashchange", open);
  // The same link a second time changes no address.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href*='#']") : null;
    if (link instanceof HTMLAnchorElement && link.hash === location.hash) setTimeout(open);
  });
  /** @type {Set<HTMLDetailsElement>} */
  const unfolded = new Set();
  window.addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("#record details:not([open])")) {
      if (each instanceof HTMLDetailsElement) unfolded.add(each).forEach((one) => (one.open = true));
    }
  });
  window.addEventListener("afterprint", () => {
    for (const each of unfolded) each.open = false;
    unfolded.clear();
  });
}

/** The worker answers a page in the language of its link, but only the page can set the cookie. */
function rememberLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked !== document.documentElement.lang) return;
  const https = location.protocol === "https:";
  const [name, secure] = https ? ["__Host-lang", "; Secure"] : ["lang", ""];
  document.cookie = `${name}=${asked}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

async function startWorker() {
  // Who has just had everything forgotten shall not find it all back.
  if (!("serviceWorker" in navigator) || location.pathname === "/forgotten") return;
  const hadOne = Boolean(navigator.serviceWorker.controller);
  const registration = await navigator.serviceWorker.register("/service-worker.js", {
    updateViaCache: "none",
  });
  const tell = () => {
    registration.active?.postMessage({ language: document.documentElement.lang });
  };
  navigator.serviceWorker.ready.then(tell);
  const watch = () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && hadOne) offerUpdate(coming);
    });
  };
  if (registration.waiting && hadOne) offerUpdate(registration.waiting);
  watch(); // it may have been found before this script ran
  registration.addEventListener("updatefound", watch);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") registration.update().catch(() => {});
  });
}

/** Offered, never forced: someone may have half a form filled in. @param {ServiceWorker} waiting */
function offerUpdate(waiting) {
  const bar = byId("update-bar");
  const button = bar?.querySelector("button");
  if (!bar || !button) return;
  bar.hidden = false;
  button.addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    waiting.postMessage("update");
  });
}

/** @returns {string} which of the install page's sections is this browser's */
function thisBrowser() {
  const agent = navigator.userAgent;
  if (INSIDE_ANOTHER_APP.test(agent)) return "inside";
  if (/iPhone|iPad|iPod/.test(agent)) return /CriOS/.test(agent) ? "ios-chrome" : "ios-safari";
  if (/SamsungBrowser/.test(agent)) return "samsung";
  if (/Android/.test(agent)) return /Firefox/.test(agent) ? "firefox" : "android-chrome";
  return "";
}

function coachInstalling() {
  const installed = matchMedia("(display-mode: standalone)").matches;
  const mine = thisBrowser();
  forEach(".coach", (section) => {
    section.hidden = mine !== "" && section.dataset.browser !== mine;
  });
  forEach(".copy-link", (button) => {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(location.origin);
      button.textContent = button.dataset.wordsDone ?? "";
    });
  });
  /** @type {(Event & {prompt(): Promise<unknown>}) | null} */
  let offer = null;
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = /** @type {any} */ (event);
    forEach(".install-now", (button) => {
      button.hidden = false;
    });
  });
  forEach(".install-now", (button) => {
    button.addEventListener("click", () => offer?.prompt());
  });
  const bar = byId("install-bar");
  bar?.querySelector(".not-now")?.addEventListener("click", () => {
    memory.set("install-no", String(Date.now()));
    bar.hidden = true;
  });
  const quiet = Date.now() - Number(memory.get("install-no") ?? 0) < QUIET_AFTER_NO;
  // Only after something useful: their county kept, or a second county read.
  if (bar && !installed && !quiet && location.pathname !== "/install" && wasUseful()) {
    bar.hidden = false;
  }
}

function wasUseful() {
  const record = byId("record");
  if (record) {
    try {
      sessionStorage.setItem("read", String(Number(sessionStorage.getItem("read") ?? 0) + 1));
      if (Number(sessionStorage.getItem("read")) > 1) return true;
    } catch {
      return false;
    }
  }
  return memory.get("county") !== null;
}

function keepCountyButton() {
  forEach(".keep-county", (button) => {
    const slug = button.dataset.slug ?? "";
    const say = () => {
      const kept = memory.get("county") === slug;
      button.setAttribute("aria-pressed", String(kept));
      button.textContent = (kept ? button.dataset.wordsKept : button.dataset.wordsKeep) ?? "";
    };
    button.hidden = false;
    say();
    if (memory.get("county") === slug) memory.set("seen", todayHere());
    button.onclick = () => {
      const kept = memory.get("county") === slug;
      memory.set("county", kept ? null : slug);
      memory.set("seen", kept ? null : todayHere());
      say();
    };
  });
}

function todayHere() {
  return new Date().toISOString().slice(0, 10);
}

/** The first page opens on the county that was kept: its answer, and what changed since. */
async function openOnMyCounty() {
  const place = byId("my-county");
  const slug = memory.get("county");
  if (!place || !slug || !/^[a-z-]+$/.test(slug)) return;
  const response = await fetch(`/counties/${slug}`, {
    headers: { "HX-Request": "true", "HX-Request-Type": "partial" },
  });
  if (!response.ok) return;
  const whole = document.createElement("template");
  whole.innerHTML = await response.text();
  const answer = whole.content.querySelector(".answer");
  if (!answer) return;
  const link = place.querySelector("a.open");
  if (link instanceof HTMLAnchorElement) link.href = `/counties/${slug}`;
  for (const heading of answer.querySelectorAll("h1")) {
    const smaller = document.createElement("h2");
    smaller.append(...heading.childNodes);
    heading.replaceWith(smaller);
  }
  for (const link of whole.content.querySelectorAll('a[href^="?"], a[href^="#"]')) {
    // Written for the county's own page; here each needs its whole address.
    link.setAttribute("href", `/counties/${slug}${link.getAttribute("href")}`);
    for (const name of link.getAttributeNames()) if (name.startsWith("hx-")) link.removeAttribute(name);
  }
  place.querySelector(".card-answer")?.replaceChildren(answer);
  const seen = memory.get("seen") ?? todayHere();
  const fresh = [...whole.content.querySelectorAll(".history li")].filter(
    (change) => change instanceof HTMLElement && (change.dataset.changed ?? "") > seen,
  );
  const list = place.querySelector(".changed ul");
  list?.replaceChildren(...fresh);
  const changed = place.querySelector(".changed");
  const unchanged = place.querySelector(".unchanged");
  if (changed instanceof HTMLElement) changed.hidden = !fresh.length;
  if (unchanged instanceof HTMLElement) unchanged.hidden = fresh.length > 0;
  const whatComes = place.querySelector(".what-comes");
  if (whatComes instanceof HTMLElement) showWhatComes(whatComes, slug).catch(() => {});
  place.hidden = false;
  document.querySelector(".hero")?.classList.add("after");
}

/**
 * The next hearing and the last forum, which no page from the phone can know. Every county's are
 * asked for at once, so that asking tells nobody which one is looked up; without a signal the link
 * stands alone.
 * @param {HTMLElement | null} [place] @param {string} [slug]
 */
async function showWhatComes(place = document.querySelector("#record .what-comes"), slug) {
  const button = document.querySelector("#record .keep-county");
  const wanted = slug ?? (button instanceof HTMLElement ? button.dataset.slug : "");
  const box = place?.querySelector("div");
  if (!box || !wanted || box.childElementCount) return;
  await comesNear(box);
  const answer = await fetch("/hearings/next");
  if (!answer.ok || answer.redirected) return;
  const every = document.createElement("template");
  every.innerHTML = await answer.text();
  const mine = every.content.querySelector(`[data-county="${wanted}"]`);
  if (mine) box.replaceChildren(...mine.childNodes);
}

/** When the reader has come to within a screen of it: what nobody reads costs no data.
 * @param {Element} box @returns {Promise<void>} */
function comesNear(box) {
  return new Promise((resolve) => {
    const watch = new IntersectionObserver(
      (seen) => {
        if (!seen.some((each) => each.isIntersecting)) return;
        watch.disconnect();
        resolve();
      },
      { rootMargin: "100%" },
    );
    watch.observe(box);
  });
}

function exitAtOnce() {
  forEach("a.exit", (link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      // Replaced, so that Back does not lead here again.
      location.replace(/** @type {HTMLAnchorElement} */ (link).href);
    });
  });
}

function forgetThisPhone() {
  forEach("form.forget", (form) => {
    const done = form.querySelector(".done");
    let warned = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const unsent = warned ? 0 : await unsentSignUps().catch(() => 0);
      if (unsent && done) {
        warned = true;
        done.textContent = form.dataset.wordsUnsent?.replace("%(number)s", String(unsent)) ?? "";
        return;
      }
      const kept = await forget();
      const told = await forgetAtTheServer();
      if (told && !kept) return location.replace(told);
      const words = kept ? form.dataset.wordsKept : form.dataset.wordsOffline;
      if (done) done.textContent = words ?? "";
    });
  });
}

/** How many wait in the canvassers' app: with this phone's memory they would be gone for good. */
async function unsentSignUps() {
  const all = (await indexedDB.databases?.()) ?? [];
  if (!all.some(({ name }) => name === "canvass")) return 0;
  const database = await settled(indexedDB.open("canvass"));
  const number = await settled(database.transaction("records").objectStore("records").count());
  database.close();
  return number;
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const STILL_TO_TELL = "forget"; // all that stays after forgetting without a connection

/** Whether something could not be cleared. Each is tried, whatever becomes of the others. */
async function forget() {
  const steps = [endAlerts, clearShown, clearStorage, clearCaches, clearDatabases, clearWorkers];
  let kept = false;
  for (const step of steps) {
    try {
      await step();
    } catch {
      kept = true;
    }
  }
  return kept;
}

/** Alerts that lie on the lock screen say where their reader was. */
async function clearShown() {
  for (const worker of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
    for (const shown of (await worker.getNotifications?.()) ?? []) shown.close();
  }
}

function clearStorage() {
  document.cookie = "lang=; Path=/; Max-Age=0";
  document.cookie = "__Host-lang=; Path=/; Max-Age=0; Secure";
  try {
    localStorage.clear();
    sessionStorage.clear();
  } catch (error) {
    // Where storage is off nothing was ever kept there.
    if (!(error instanceof DOMException && error.name === "SecurityError")) throw error;
  }
}

async function clearCaches() {
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name);
}

async function clearDatabases() {
  for (const { name } of (await indexedDB.databases?.()) ?? []) {
    if (name) indexedDB.deleteDatabase(name);
  }
}

async function clearWorkers() {
  for (const worker of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
    await worker.unregister();
  }
}

/**
 * What scripts cannot reach: cookies of the sign-in, the session behind them, a canvasser's phone.
 * Where to go on to; null without a connection, and then the next page that opens does it.
 */
async function forgetAtTheServer() {
  try {
    const answer = await fetch("/forget", { method: "POST" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.redirected ? new URL(answer.url).pathname + new URL(answer.url).search : "/forgotten";
  } catch {
    try {
      localStorage.setItem(STILL_TO_TELL, "1");
    } catch {
      // Nothing can be kept here: the words say how to do it.
    }
    return null;
  }
}

async function forgetTheRest() {
  try {
    if (!localStorage.getItem(STILL_TO_TELL)) return;
  } catch {
    return;
  }
  if (await forgetAtTheServer()) localStorage.removeItem(STILL_TO_TELL);
}

/** The sheet of somebody who was detained is kept for seven days, whichever page opens then. */
function dropOldSheet() {
  try {
    const { until } = JSON.parse(localStorage.getItem("detained-sheet") ?? "{}");
    if (typeof until === "number" && until < Date.now()) localStorage.removeItem("detained-sheet");
  } catch {
    // There is none.
  }
}

/** Before the secret is gone with which we may be told to ring no more. */
async function endAlerts() {
  const worker = await navigator.serviceWorker?.getRegistration();
  await (await worker?.pushManager?.getSubscription())?.unsubscribe();
  const held = await globalThis.caches?.match("/alerts/held", { cacheName: "alerts" });
  if (!held) return;
  // Without a connection the line is cut all the same: our next alert finds nobody, and we forget.
  await fetch("/alerts/subscription/end", { method: "POST", body: await held.text() }).catch(() => {});
}

moveWithHtmx();
unfold();
rememberLanguage();
exitAtOnce();
forgetThisPhone();
forgetTheRest().catch(() => {});
dropOldSheet();
keepCountyButton();
coachInstalling();
openOnMyCounty().catch(() => {});
// Not before the page has loaded: on a slow line the first answer comes first, and every link and
// form works without what comes now.
if (document.readyState === "complete") comeLater();
else window.addEventListener("load", comeLater);

function comeLater() {
  startWorker().catch(() => {});
  showWhatComes().catch(() => {});
  const ready = () => {
    document.documentElement.dataset.ready = "yes";
  };
  const address = document.querySelector('meta[name="later"]')?.getAttribute("content");
  if (!address) return ready();
  const script = document.createElement("script");
  script.addEventListener("load", ready);
  script.src = address;
  document.head.append(script);
}
