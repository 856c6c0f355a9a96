// A campaign's page besides being read: pass it on, print it, and look again for its numbers. All of
// it can be done without this file too.

const AGAIN = 20_000;

/** @param {string} selector @param {(button: HTMLElement) => void} each */
function forButtons(selector, each) {
  for (const button of document.querySelectorAll(selector)) {
    if (button instanceof HTMLElement) each(button);
  }
}

forButtons(".share-now", (button) => {
  const { title, text, url } = button.dataset;
  if (!navigator.share) return;
  button.hidden = false;
  // Whoever closes the sheet without sharing has done nothing wrong.
  button.addEventListener("click", () => navigator.share({ title, text, url }).catch(() => {}));
});

forButtons(".copy", (button) => {
  const from = document.getElementById(button.dataset.copy ?? "");
  if (!navigator.clipboard) return;
  if (!(from instanceof HTMLInputElement || from instanceof HTMLTextAreaElement)) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(from.value);
      button.textContent = button.dataset.wordsDone ?? "";
    } catch {
      // Not allowed here: marked, so that it can be copied by hand.
      from.select();
    }
  });
});

forButtons(".print-now", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => print());
});

const numbers = document.querySelector("[data-again]");
if (numbers instanceof HTMLElement) {
  const place = numbers;
  setInterval(() => look(place).catch(() => {}), AGAIN);
}

/** Only while somebody can see it, and without moving anything they are at. @param {HTMLElement} place */
async function look(place) {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(place.dataset.again ?? "");
  if (!answer.ok || answer.redirected) return;
  const words = await answer.text();
  if (words !== place.dataset.last) place.innerHTML = words;
  place.dataset.last = words;
}
