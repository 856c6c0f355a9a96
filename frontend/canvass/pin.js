// The canvasser's PIN. It keeps a signer out of the numbers; it opens no sign-up, nothing here does.

import { facts, keep } from "./phone.js";

const ROUNDS = 300_000;
const FREE = 3;
const LONGEST = 600_000;

/** @param {string} pin @param {Uint8Array} salt */
async function hashOf(pin, salt) {
  const typed = new TextEncoder().encode(pin);
  const key = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: /** @type {BufferSource} */ (salt), iterations: ROUNDS };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}

/** @param {string} pin */
export async function setPin(pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  await keep({ pin: { salt, hash: await hashOf(pin, salt), wrong: 0, wait: 0, until: 0 } });
}

/**
 * How many milliseconds to wait before the next try; 0 when this one was right. After three wrong
 * ones each wait is twice as long.
 * @param {string} typed
 */
export async function tryPin(typed) {
  const { pin } = await facts();
  if (!pin) return 0;
  const rest = pin.until - Date.now();
  if (rest > pin.wait) {
    // The clock was put back: from now on, and no longer than it was to be.
    await keep({ pin: { ...pin, until: Date.now() + pin.wait } });
    return pin.wait;
  }
  if (rest > 0) return rest;
  const wrong = pin.wrong + 1;
  const wait = wrong < FREE ? 0 : Math.min(5_000 * 2 ** (wrong - FREE), LONGEST);
  // Before the answer is known: ending the app half-way must not give a try for nothing.
  await keep({ pin: { ...pin, wrong, wait, until: wait && Date.now() + wait } });
  const hash = await hashOf(typed, pin.salt);
  if (hash.some((byte, at) => byte !== pin.hash[at])) return Math.max(wait, 1);
  await keep({ pin: { ...pin, wrong: 0, wait: 0, until: 0 } });
  return 0;
}
