// This phone's alerts: turn them on, change them, see whether they work, turn them off. What the
// phone holds is a secret in a cache of its own, where the worker finds it too; the page's text never
// has it. E-mail and calendar work without this file.

export {};

/**
 * @typedef {{secret: string, over?: boolean}} Held over: turned off while there was no connection
 * @typedef {{ok: boolean, code: number, said: string, body: any}} Told
 */

const CACHE = "alerts";
const HELD = "/alerts/held"; // entries of the cache, never addresses that are asked
const RECEIVED = "/alerts/received";
const AWAITS = "/alerts/awaits";
const INSIDE_ANOTHER_APP = /FBAN|FBAV|Instagram|Line\/|MicroMessenger|WhatsApp|Snapchat|; wv\)/;
const WAIT_FOR_TEST = 30_000;
const WAIT_FOR_WORKER = 60_000; // it first fetches everything, and connections are slow

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("choose"));
const alive = document.getElementById("alive");
if (form && alive) begin(form, alive).catch(() => fail());

/** @param {HTMLElement} root @param {string} selector */
function all(root, selector) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
}

/** @param {HTMLElement} root @param {string} selector @param {string} words */
function say(root, selector, words) {
  for (const place of all(root, selector)) place.textContent = words;
}

/** @param {HTMLFormElement} form @param {HTMLElement} alive */
async function begin(form, alive) {
  form.addEventListener("change", () => nameChosen(form));
  preselect(form);
  // A private window may keep nothing.
  const held = await kept().catch(() => null);
  if (!held || held.over) {
    offer(form);
    if (held) await endOver(held);
    return;
  }
  // Before there is anything to tap.
  listen(form, alive);
  alive.hidden = false;
  await showStatus(form, alive, held);
}

/** The county this phone knows already, unless something was chosen. @param {HTMLFormElement} form */
function preselect(form) {
  let slug = null;
  try {
    slug = localStorage.getItem("county");
  } catch {
    return;
  }
  if (!slug || new FormData(form).has("county")) return;
  for (const box of form.querySelectorAll('input[name="county"]')) {
    if (box instanceof HTMLInputElement && box.value === slug) {
      box.checked = true;
      nameChosen(form);
    }
  }
}

/** Which counties are chosen stands beside the list that is closed. @param {HTMLFormElement} form */
function nameChosen(form) {
  const boxes = [...form.querySelectorAll(".county-ticks input:checked")];
  say(form, ".chosen", boxes.map((box) => box.parentElement?.textContent?.trim()).join(", "));
}

/** Why this phone cannot be rung, or nothing. */
function unable() {
  if (INSIDE_ANOTHER_APP.test(navigator.userAgent)) return "inside";
  if (isIos() && !matchMedia("(display-mode: standalone)").matches) return "ios";
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return "push";
  }
  return Notification.permission === "denied" ? "denied" : "";
}

function isIos() {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
}

/** The way to turn alerts on, or why there is none. @param {HTMLFormElement} form */
function offer(form) {
  const why = unable();
  for (const words of all(form, "[data-unable]")) words.hidden = words.dataset.unable !== why;
  const [ring] = all(form, ".ring");
  if (!ring) return;
  ring.hidden = why !== "";
  const [on] = all(form, "button.on");
  if (!(on instanceof HTMLButtonElement)) return;
  on.onclick = async () => {
    on.disabled = true;
    await turnOn(form).catch(() => fail());
    on.disabled = false;
  };
}

/**
 * Permission is asked on this tap only, before anything that takes time: else a browser no longer
 * believes that somebody tapped.
 * @param {HTMLFormElement} form
 */
async function turnOn(form) {
  say(form, "#turned", form.dataset.wordsAsking ?? "");
  const answer = await Notification.requestPermission();
  if (answer !== "granted") {
    say(form, "#turned", answer === "default" ? (form.dataset.wordsUnanswered ?? "") : "");
    return offer(form);
  }
  say(form, "#turned", form.dataset.wordsWait ?? "");
  // This page may have been kept on the phone for long, and our key may be a newer one.
  const known = await ask("/opened", { secret: "" });
  const told = await turnOnUnder(known.body?.key ?? form.dataset.key ?? "", form);
  // There is a connection, and yet the browser has no line: its own push service is the matter.
  if (!told) return say(form, "#turned", (navigator.onLine ? form.dataset.wordsNoLine : failed()) ?? "");
  if (!told.ok) return say(form, "#turned", told.said || failed());
  await keep({ secret: told.body.secret });
  location.reload();
}

/** What the server said; null where the browser gives no line. @param {string} key @param {HTMLFormElement} form */
async function turnOnUnder(key, form) {
  const secret = (await kept())?.secret; // fails before anything is begun where nothing can be kept
  const subscription = await subscribed(await worker(), key).catch(() => null);
  if (!subscription) return null;
  const told = await ask("", { ...asSent(subscription), key, choices: choicesOf(form), secret });
  // A line that nobody uses shall not stay open; a mistake in the form is mended in a moment.
  if (!told.ok && told.body?.code !== "choices") await subscription.unsubscribe();
  return told;
}

/** What the browser has of a line to us. */
async function line() {
  return (await worker()).pushManager.getSubscription();
}

/** Where no worker could be installed, waiting for it would never end. */
async function worker() {
  /** @type {Promise<never>} */
  const late = new Promise((_done, fail) => setTimeout(() => fail(new Error("There is no worker.")), WAIT_FOR_WORKER));
  return Promise.race([navigator.serviceWorker.ready, late]);
}

/** @param {ServiceWorkerRegistration} registration @param {string} key */
async function subscribed(registration, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const standing = await registration.pushManager.getSubscription();
  if (standing && keyOf(standing) === key) return standing;
  await standing?.unsubscribe();
  return registration.pushManager.subscribe(options);
}

/** As the server reads it. @param {PushSubscription} subscription */
function asSent(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  return { endpoint, keys };
}

/** @param {PushSubscription} subscription */
function keyOf(subscription) {
  const key = subscription.options.applicationServerKey;
  if (!key) return "";
  const text = String.fromCharCode(...new Uint8Array(key));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {HTMLFormElement} form @param {HTMLElement} alive @param {Held} held */
async function showStatus(form, alive, held) {
  const told = await ask("/status", held);
  const cures = new Set();
  if (told.code === 404) {
    // The worker may have renewed the line, and the secret with it, while we asked.
    const newer = await kept();
    if (newer && newer.secret !== held.secret) return showStatus(form, alive, newer);
    await drop();
    cures.add("unknown");
  } else if (!told.ok) {
    cures.add("offline");
  } else {
    fill(form, told.body.choices);
    form.dataset.key = told.body.key; // this page may have been kept for long
    // When one was shown only this phone knows; of us it is the day of a test.
    const shown = (await received()) || told.body.received;
    if (isIos() && !shown && told.body.accepted) showTaken(alive, told.body.accepted);
    else showReceived(alive, shown);
    if (told.body.warned) cures.add("warned");
    const why = unable();
    const subscription = why ? null : await line().catch(() => null);
    if (why === "denied" || Notification.permission !== "granted") cures.add("denied");
    else if (!subscription) cures.add("ended");
    else if (keyOf(subscription) !== form.dataset.key) cures.add("key");
  }
  const ill = ["denied", "ended", "key", "unknown"].some((cure) => cures.has(cure));
  alive.classList.toggle("ill", ill);
  say(alive, ".standing", (ill ? alive.dataset.wordsIll : alive.dataset.wordsAlive) ?? "");
  showCures(alive, cures);
  for (const button of all(alive, "button.test, button.code")) button.hidden = ill;
  for (const button of all(alive, "button.off")) button.hidden = cures.has("unknown");
  if (ill) {
    offer(form);
    return;
  }
  const [ring] = all(form, ".ring");
  if (!ring) return;
  ring.hidden = false;
  for (const part of all(form, "button.on, .way .before")) part.hidden = true;
  for (const button of all(form, "button.save")) button.hidden = false;
}

/** @param {HTMLElement} alive @param {Set<string>} cures */
function showCures(alive, cures) {
  for (const cure of all(alive, "[data-cure]")) cure.hidden = !cures.has(cure.dataset.cure ?? "");
}

/** @param {HTMLElement} alive @param {string} received an ISO moment or day */
function showReceived(alive, received) {
  const words = received ? alive.dataset.wordsReceived?.replace("{when}", inWords(received)) : alive.dataset.wordsNone;
  say(alive, ".received", words ?? "");
}

/** @param {HTMLElement} alive @param {string} accepted an ISO day */
function showTaken(alive, accepted) {
  say(alive, ".received", alive.dataset.wordsTaken?.replace("{when}", inWords(accepted)) ?? "");
}

/** @param {string} moment an ISO moment or day */
function inWords(moment) {
  /** @type {Intl.DateTimeFormatOptions} */
  const shape = moment.includes("T") ? { dateStyle: "full", timeStyle: "short" } : { dateStyle: "full", timeZone: "UTC" };
  return new Date(moment).toLocaleString(document.documentElement.lang, shape);
}

/** @param {HTMLFormElement} form @param {HTMLElement} alive */
function listen(form, alive) {
  /** @param {string} selector @param {(held: Held) => Promise<void>} act */
  const on = (selector, act) => {
    for (const button of all(document.body, selector)) {
      button.addEventListener("click", async () => {
        const held = await kept();
        say(alive, ".said", "");
        if (held) await act(held).catch(() => say(alive, ".said", failed()));
      });
    }
  };
  on("#alive button.test", (held) => test(alive, held));
  on("#alive button.off", async (held) => {
    const told = await turnOff(held);
    for (const part of all(alive, ".standing, .received, .cures, .buttons, details")) part.hidden = true;
    alive.classList.remove("ill");
    say(alive, ".said", (told ? alive.dataset.wordsOff : alive.dataset.wordsOffHere) ?? "");
    for (const part of all(form, "button.on, .way .before")) part.hidden = false;
    for (const button of all(form, "button.save")) button.hidden = true;
    offer(form);
  });
  on("#choose button.save", async (held) => {
    const told = await ask("/choices", { secret: held.secret, choices: choicesOf(form) });
    say(form, "#turned", told.ok ? (alive.dataset.wordsSaved ?? "") : told.said || failed());
  });
  on("#alive button.code", async (held) => {
    await expectTest();
    const told = await ask("/codes", held);
    const words = told.ok ? alive.dataset.wordsCode?.replace("{code}", told.body.code) : told.said;
    say(alive, ".said", words || failed());
  });
}

/** The only honest check. @param {HTMLElement} alive @param {Held} held */
async function test(alive, held) {
  const before = await received();
  await expectTest();
  const told = await ask("/tests", held);
  say(alive, ".said", told.ok ? (alive.dataset.wordsSent ?? "") : told.said || failed());
  if (!told.ok) return;
  const end = Date.now() + WAIT_FOR_TEST;
  while (Date.now() < end) {
    await new Promise((done) => setTimeout(done, 500));
    const now = await received();
    if (now !== before) {
      say(alive, ".said", alive.dataset.wordsArrived ?? "");
      return showReceived(alive, now);
    }
  }
  // Newer iPhones show it without our worker, and so this page does not learn of it.
  say(alive, ".said", (isIos() ? alive.dataset.wordsDidIt : alive.dataset.wordsNotArrived) ?? "");
  showCures(alive, new Set([isIos() ? "ios" : /Android/.test(navigator.userAgent) ? "android" : "desktop"]));
}

/**
 * On the phone at once, and with us; false when we could not be told yet. Then the worker tells us
 * as soon as it can, and never turns them on again by itself.
 * @param {Held} held
 */
async function turnOff(held) {
  await keep({ ...held, over: true });
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
  return endOver(held);
}

/** @param {Held} held */
async function endOver(held) {
  const told = await ask("/end", { secret: held.secret });
  if (told.ok) await drop();
  return told.ok;
}

/** What the form says, as pairs. @param {HTMLFormElement} form @returns {[string, string][]} */
function choicesOf(form) {
  const other = new Set(["email", "website"]);
  return [...new FormData(form)].filter(([name]) => !other.has(name)).map(([name, value]) => [name, String(value)]);
}

/** Let the form say what the phone chose. @param {HTMLFormElement} form @param {[string, string][]} choices */
function fill(form, choices) {
  const chosen = new Set(choices.map(([name, value]) => `${name}=${value}`));
  for (const box of form.querySelectorAll("fieldset input")) {
    if (!(box instanceof HTMLInputElement)) continue;
    box.checked = chosen.has(`${box.name}=${box.value}`);
  }
  for (const list of form.querySelectorAll("select")) {
    for (const option of list.options) if (chosen.has(`${list.name}=${option.value}`)) option.selected = true;
  }
  nameChosen(form);
}

/** @param {string} path @param {object} body @returns {Promise<Told>} */
async function ask(path, body) {
  try {
    const answer = await fetch(`/alerts/subscription${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (told.code === "sum" && !("sum" in body)) {
      const { solve } = await import("./sum.js");
      return ask(path, { ...body, sum: await solve(told.sum) });
    }
    return { ok: answer.ok, code: answer.status, said: told.said ?? "", body: told };
  } catch {
    return { ok: false, code: 0, said: "", body: null };
  }
}

function failed() {
  return alive?.dataset.wordsFailed ?? "";
}

function fail() {
  if (form) say(form, "#turned", failed());
}

/** @returns {Promise<Held | null>} */
async function kept() {
  const found = await (await globalThis.caches?.open(CACHE))?.match(HELD);
  return found ? found.json() : null;
}

/** @param {Held} held */
async function keep(held) {
  await (await caches.open(CACHE)).put(HELD, new Response(JSON.stringify(held)));
}

async function drop() {
  await globalThis.caches?.delete(CACHE);
}

/** The worker tells the server of the next one that it shows, and of no other. */
async function expectTest() {
  await (await caches.open(CACHE)).put(AWAITS, new Response(String(Date.now())));
}

/** When the worker last showed an alert. */
async function received() {
  const found = await (await caches.open(CACHE)).match(RECEIVED);
  return found ? found.text() : "";
}
