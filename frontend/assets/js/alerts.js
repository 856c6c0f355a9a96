// This phone's alerts: turn them on, change them, see whether they work, turn them off. What the
// phone holds is a secret in a cache of its own, where the worker finds it too; the page never
// has it. E-mail and calendar work without this file.

export {};

/**
 * @typedef {{secret: string}} Held
 * @typedef {{choices: [string, string][], received: string, accepted: string, warned: string}} Status
 * @typedef {{ok: boolean, code: number, said: string, body: any}} Told
 */

const CACHE = "alerts";
const HELD = "/alerts/held"; // entries of the cache, never addresses that are asked
const RECEIVED = "/alerts/received";
const INSIDE_ANOTHER_APP = /FBAN|FBAV|Instagram|Line\/|MicroMessenger|WhatsApp|Snapchat|; wv\)/;
const WAIT_FOR_TEST = 30_000;

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
  const held = await kept();
  if (!held) {
    offer(form);
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
  if (on) on.onclick = () => turnOn(form).catch(() => fail());
}

/**
 * Permission is asked on this tap only, before anything that takes time: else a browser no longer
 * believes that somebody tapped.
 * @param {HTMLFormElement} form
 */
async function turnOn(form) {
  say(form, "#turned", "");
  if ((await Notification.requestPermission()) !== "granted") return offer(form);
  const registration = await navigator.serviceWorker.ready;
  const key = form.dataset.key ?? "";
  const subscription = await subscribed(registration, key);
  const told = await ask("", { ...asSent(subscription), key, choices: choicesOf(form), secret: (await kept())?.secret });
  if (!told.ok) {
    // A line that nobody uses shall not stay open; a mistake in the form is mended in a moment.
    if (told.body?.code !== "choices") await subscription.unsubscribe();
    return say(form, "#turned", told.said || failed());
  }
  await keep(told.body.secret);
  location.reload();
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
    await drop();
    cures.add("unknown");
  } else if (!told.ok) {
    cures.add("offline");
  } else {
    fill(form, told.body.choices);
    showReceived(alive, told.body.received);
    if (told.body.warned) cures.add("warned");
    const why = unable();
    const subscription = why ? null : await (await navigator.serviceWorker.ready).pushManager.getSubscription();
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
  for (const button of all(form, "button.on")) button.hidden = true;
  for (const button of all(form, "button.save")) button.hidden = false;
}

/** @param {HTMLElement} alive @param {Set<string>} cures */
function showCures(alive, cures) {
  for (const cure of all(alive, "[data-cure]")) cure.hidden = !cures.has(cure.dataset.cure ?? "");
}

/** @param {HTMLElement} alive @param {string} received an ISO moment */
function showReceived(alive, received) {
  const when = received
    ? new Date(received).toLocaleString(document.documentElement.lang, { dateStyle: "full", timeStyle: "short" })
    : "";
  const words = when ? alive.dataset.wordsReceived?.replace("{when}", when) : alive.dataset.wordsNone;
  say(alive, ".received", words ?? "");
}

/** @param {HTMLFormElement} form @param {HTMLElement} alive */
function listen(form, alive) {
  /** @param {string} selector @param {(held: Held) => Promise<void>} act */
  const on = (selector, act) => {
    for (const button of all(document.body, selector)) {
      button.addEventListener("click", async () => {
        const held = await kept();
        say(alive, ".said", "");
        if (held) await act(held).catch(() => fail());
      });
    }
  };
  on("#alive button.test", (held) => test(alive, held));
  on("#alive button.off", async (held) => {
    await turnOff(held);
    const [ring] = all(form, ".ring");
    for (const part of all(alive, ".standing, .received, .cures, .buttons, details")) part.hidden = true;
    alive.classList.remove("ill");
    say(alive, ".said", alive.dataset.wordsOff ?? "");
    for (const button of all(ring ?? form, "button.on")) button.hidden = false;
    for (const button of all(ring ?? form, "button.save")) button.hidden = true;
    offer(form);
  });
  on("#choose button.save", async (held) => {
    const told = await ask("/choices", { ...held, choices: choicesOf(form) });
    say(form, "#turned", told.ok ? (alive.dataset.wordsSaved ?? "") : told.said || failed());
  });
  on("#alive button.code", async (held) => {
    const told = await ask("/codes", held);
    const words = told.ok ? alive.dataset.wordsCode?.replace("{code}", told.body.code) : told.said;
    say(alive, ".said", words || failed());
  });
}

/** The only honest check. @param {HTMLElement} alive @param {Held} held */
async function test(alive, held) {
  const before = await received();
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
  say(alive, ".said", alive.dataset.wordsNotArrived ?? "");
  showCures(alive, new Set([isIos() ? "ios" : /Android/.test(navigator.userAgent) ? "android" : "desktop"]));
}

/** On the phone and with us. @param {Held} held */
async function turnOff(held) {
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
  const told = await ask("/end", held);
  if (!told.ok) throw new Error("It was not told.");
  await drop();
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

/** @param {string} secret */
async function keep(secret) {
  await (await caches.open(CACHE)).put(HELD, new Response(JSON.stringify({ secret })));
}

async function drop() {
  await globalThis.caches?.delete(CACHE);
}

/** When the worker last showed an alert. */
async function received() {
  const found = await (await caches.open(CACHE)).match(RECEIVED);
  return found ? found.text() : "";
}
