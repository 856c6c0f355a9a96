// When someone was detained: the kept county's line first, a sheet that stays on the phone, and
// which numbers nobody has checked lately. Nothing here is ever sent.

const SHEET = "detained-sheet"; // erased by "Forget this phone", which clears all storage
const LATELY = 90;
const KEPT_FOR = 7 * 86_400_000;
const SHORTEST_PIN = 6;
const MOST_WRONG = 10;

/** @param {string} selector */
const all = (selector) => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);

for (const part of all("#detained .only-scripts")) part.classList.add("ready");
for (const button of all("#detained .print-now")) button.addEventListener("click", () => print());
sayWhatIsOld();
myCountyFirst();
const sheet = document.getElementById("sheet");
if (sheet) keepSheet(sheet);

/** A page kept on the phone for months still says so. */
function sayWhatIsOld() {
  for (const line of all(".line[data-checked]")) {
    const days = (Date.now() - Date.parse(line.dataset.checked ?? "")) / 86_400_000;
    const said = line.querySelector(".stale");
    if (days >= LATELY && said instanceof HTMLElement && !line.closest("#no_ice, #closed")) {
      said.hidden = false;
    }
  }
}

/** Whoever keeps a county as theirs sees its line first. */
function myCountyFirst() {
  const mine = document.getElementById("mine");
  const page = document.getElementById("detained");
  let slug = null;
  try {
    slug = localStorage.getItem("county");
  } catch {
    return;
  }
  if (!mine || !slug || page?.dataset.county) return;
  const lines = all(".line:not(.first)").filter((line) =>
    (line.dataset.counties ?? "").split(" ").includes(slug),
  );
  lines[0]?.classList.add("first");
  mine.replaceChildren(...lines);
  const link = all(".county-list a").find(
    (each) => each.getAttribute("href") === `/counties/${slug}/detained`,
  );
  if (!link) return;
  const more = document.createElement("p");
  const button = document.createElement("a");
  button.className = "button plain";
  button.setAttribute("href", `/counties/${slug}/detained`);
  button.textContent = link.textContent;
  more.append(button);
  mine.append(more);
}

/**
 * What is kept: the words, or with a PIN only what it opens. `until` is when it is deleted, in
 * milliseconds, and null when its owner erases it; `wrong` counts wrong PINs.
 * @typedef {{until: number | null, words?: Record<string, string>, sealed?: Sealed, wrong?: number}} Kept
 * @typedef {{salt: string, nonce: string, text: string}} Sealed
 */

/** @param {HTMLElement} sheet */
function keepSheet(sheet) {
  /** @template {HTMLElement} T @param {string} selector @returns {T} */
  const part = (selector) => /** @type {T} */ (sheet.querySelector(selector));
  const fields = /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ ([
    ...sheet.querySelectorAll(".field input, .field textarea"),
  ]);
  /** @type {HTMLInputElement} */
  const long = part("#sheet-long");
  /** @type {HTMLInputElement} */
  const chosen = part("#sheet-pin");
  /** @type {HTMLInputElement} */
  const tried = part("#sheet-open");
  let pin = ""; // that of the sheet that is open

  /** @param {string | undefined} words @param {string | number} [value] */
  const say = (words, value = "") => {
    for (const said of sheet.querySelectorAll(".said")) said.textContent = (words ?? "").replace("{value}", String(value));
  };
  /** @param {boolean} locked */
  const show = (locked) => {
    part(".locked").hidden = !locked;
    part(".fields").hidden = locked;
    part(".keeping").hidden = locked;
  };
  /** @param {number | null} until */
  const sayUntil = (until) => {
    const day = until && new Date(until).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
    const words = day ? (sheet.dataset.wordsUntil ?? "").replace("{value}", day) : (sheet.dataset.wordsLong ?? "");
    for (const place of sheet.querySelectorAll(".until")) place.textContent = words;
  };
  /** @param {Record<string, string>} words */
  const fill = (words) => {
    for (const field of fields) field.value = String(words[field.id] ?? "");
  };

  /** @type {Kept | null} */
  let kept = null;
  try {
    kept = read();
  } catch {
    // Storage is off: the sheet is empty.
  }
  if (kept) {
    long.checked = kept.until === null;
    sayUntil(kept.until);
    if (kept.words) fill(kept.words);
    show(Boolean(kept.sealed));
  }
  // Without a secure line to us a browser seals nothing.
  part(".pin").hidden = !globalThis.crypto?.subtle;

  part(".keep").addEventListener("click", async () => {
    const wanted = chosen.value || pin;
    if (wanted && wanted.length < SHORTEST_PIN) return say(sheet.dataset.wordsShort);
    const words = Object.fromEntries(fields.map((field) => [field.id, field.value]));
    const until = long.checked ? null : Date.now() + KEPT_FOR;
    try {
      say("…");
      const held = wanted ? { sealed: await seal(words, wanted), wrong: 0 } : { words };
      localStorage.setItem(SHEET, JSON.stringify({ until, ...held }));
      pin = wanted;
      chosen.value = "";
      say(wanted ? sheet.dataset.wordsLocked : sheet.dataset.wordsKept);
      sayUntil(until);
    } catch {
      say(sheet.dataset.wordsFailed);
    }
  });

  const open = async () => {
    const there = read();
    if (!there?.sealed) return location.reload();
    // Before it is tried: whoever closes the page in between has tried all the same.
    const wrong = (there.wrong ?? 0) + 1;
    localStorage.setItem(SHEET, JSON.stringify({ ...there, wrong }));
    say("…");
    const words = await unseal(there.sealed, tried.value);
    if (words) {
      localStorage.setItem(SHEET, JSON.stringify({ ...there, wrong: 0 }));
      pin = tried.value;
      fill(words);
      say("");
      show(false);
      fields[0]?.focus();
    } else if (wrong >= MOST_WRONG) {
      localStorage.removeItem(SHEET);
      show(false);
      sayNothingIsKept();
      say(sheet.dataset.wordsGone);
    } else {
      say(sheet.dataset.wordsWrong, MOST_WRONG - wrong);
    }
    tried.value = "";
  };
  part(".open").addEventListener("click", () => open().catch(() => say(sheet.dataset.wordsFailed)));
  tried.addEventListener("keydown", (event) => {
    if (event.key === "Enter") part(".open").click();
  });

  const sayNothingIsKept = () => {
    for (const place of sheet.querySelectorAll(".until")) place.textContent = "";
  };
  for (const button of sheet.querySelectorAll(".erase")) {
    button.addEventListener("click", () => {
      fill({});
      pin = chosen.value = "";
      long.checked = false;
      try {
        localStorage.removeItem(SHEET);
      } catch {
        // There was nothing.
      }
      show(false);
      sayNothingIsKept();
      say(sheet.dataset.wordsErased);
      fields[0]?.focus();
    });
  }
}

/** What is kept and not over. One from before this was said gets its seven days now. @returns {Kept | null} */
function read() {
  const text = localStorage.getItem(SHEET);
  if (!text) return null;
  let kept = null;
  try {
    kept = JSON.parse(text);
  } catch {
    // Broken: there is nothing to save.
  }
  if (kept && !("until" in kept)) {
    kept = { until: Date.now() + KEPT_FOR, words: kept };
    localStorage.setItem(SHEET, JSON.stringify(kept));
  }
  if (kept && (kept.until === null || kept.until > Date.now())) return kept;
  localStorage.removeItem(SHEET);
  return null;
}

/** @param {Record<string, string>} words @param {string} pin @returns {Promise<Sealed>} */
async function seal(words, pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  // Always as long as the next 4,096: its length tells nothing.
  const text = JSON.stringify(words);
  const bytes = new TextEncoder().encode(text);
  const padded = new TextEncoder().encode(text + " ".repeat(4096 - (bytes.length % 4096)));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, await keyOf(pin, salt), padded);
  return { salt: packed(salt), nonce: packed(nonce), text: packed(new Uint8Array(sealed)) };
}

/** The words; null for a wrong PIN. @param {Sealed} sealed @param {string} pin @returns {Promise<Record<string, string> | null>} */
async function unseal(sealed, pin) {
  try {
    const key = await keyOf(pin, unpacked(sealed.salt));
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: unpacked(sealed.nonce) }, key, unpacked(sealed.text));
    return JSON.parse(new TextDecoder().decode(opened));
  } catch {
    return null;
  }
}

/** @param {string} pin @param {Uint8Array<ArrayBuffer>} salt */
async function keyOf(pin, salt) {
  const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 600_000 };
  return crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** @param {Uint8Array} bytes */
function packed(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** @param {string} text */
function unpacked(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
