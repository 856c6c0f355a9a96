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

async function solveWhatIsAsked() {
  const asked = document.querySelector("[data-puzzle]:not([data-busy])");
  if (!(asked instanceof HTMLElement)) return;
  asked.dataset.busy = "yes";
  const { solve } = await import("./sum.js");
  const answer = await solve(JSON.parse(asked.dataset.puzzle ?? "{}"));
  const field = asked.querySelector('input[name="puzzle"]');
  const words = asked.querySelector("p");
  if (!(field instanceof HTMLInputElement) || !answer) return;
  field.value = answer;
  if (words) words.textContent = asked.dataset.wordsDone ?? "";
}
