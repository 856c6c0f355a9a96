// When someone was detained: the kept county's line first, a sheet that stays on the phone, and
// which numbers nobody has checked lately. Nothing here is ever sent.

const SHEET = "detained-sheet"; // erased by "Forget this phone", which clears all storage
const LATELY = 90;

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

/** @param {HTMLElement} sheet */
function keepSheet(sheet) {
  const fields = /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ ([
    ...sheet.querySelectorAll("input, textarea"),
  ]);
  const said = sheet.querySelector(".said");
  /** @param {string | undefined} words */
  const say = (words) => {
    if (said) said.textContent = words ?? "";
  };
  try {
    const kept = JSON.parse(localStorage.getItem(SHEET) ?? "{}");
    for (const field of fields) field.value = String(kept[field.id] ?? field.value);
  } catch {
    // Nothing was kept, or storage is off: the sheet is empty.
  }
  sheet.querySelector(".keep")?.addEventListener("click", () => {
    try {
      const words = Object.fromEntries(fields.map((field) => [field.id, field.value]));
      localStorage.setItem(SHEET, JSON.stringify(words));
      say(sheet.dataset.wordsKept);
    } catch {
      say(sheet.dataset.wordsFailed);
    }
  });
  sheet.querySelector(".erase")?.addEventListener("click", () => {
    for (const field of fields) field.value = "";
    try {
      localStorage.removeItem(SHEET);
    } catch {
      // There was nothing.
    }
    say(sheet.dataset.wordsErased);
    fields[0]?.focus();
  });
}
