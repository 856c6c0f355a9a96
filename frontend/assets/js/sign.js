// Signing: how long it took a person, and the sum that is asked for when many sign from one
// network. The form works without this file.

const opened = Date.now();

document.addEventListener(
  "submit",
  (event) => {
    const field = /** @type {HTMLFormElement} */ (event.target).elements?.namedItem("took");
    if (field instanceof HTMLInputElement) field.value = String(Math.floor((Date.now() - opened) / 1000));
  },
  true,
);

new MutationObserver(solveWhatIsAsked).observe(document.body, { childList: true, subtree: true });
solveWhatIsAsked();

function solveWhatIsAsked() {
  const asked = document.querySelector("[data-puzzle]:not([data-busy])");
  if (!(asked instanceof HTMLElement)) return;
  asked.dataset.busy = "yes";
  solve(JSON.parse(asked.dataset.puzzle ?? "{}")).then((answer) => {
    const field = asked.querySelector('input[name="puzzle"]');
    const words = asked.querySelector("p");
    if (!(field instanceof HTMLInputElement) || !answer) return;
    field.value = answer;
    if (words) words.textContent = asked.dataset.wordsDone ?? "";
  });
}

/**
 * The number whose SHA-256 after the salt is the challenge: ALTCHA's proof of work, version 1.
 * @param {{algorithm: string, challenge: string, maxnumber: number, salt: string, signature: string}} puzzle
 */
async function solve({ algorithm, challenge, maxnumber, salt, signature }) {
  const text = new TextEncoder();
  for (let number = 0; number <= maxnumber; number++) {
    const digest = await crypto.subtle.digest(algorithm, text.encode(salt + number));
    if (hex(digest) === challenge) {
      return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
    }
  }
  return null;
}

/** @param {ArrayBuffer} bytes */
function hex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
