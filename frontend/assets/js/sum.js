// The sum that is asked for when too many try something: ALTCHA's proof of work, version 1. The page
// works without this file, after a while of waiting.

for (const asked of document.querySelectorAll("[data-sum]")) {
  if (asked instanceof HTMLElement) work(asked);
}

/** @param {HTMLElement} asked */
async function work(asked) {
  const answer = await solve(JSON.parse(asked.dataset.sum ?? "{}"));
  const field = asked.querySelector('input[name="sum"]');
  const words = asked.querySelector("p");
  if (!(field instanceof HTMLInputElement) || !answer) return;
  field.value = answer;
  if (words) words.textContent = asked.dataset.wordsDone ?? "";
}

/**
 * The number whose SHA-256 after the salt is the challenge, in the form that the server wants.
 * @param {{algorithm: string, challenge: string, maxnumber: number, salt: string, signature: string}} sum
 */
export async function solve({ algorithm, challenge, maxnumber, salt, signature }) {
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
