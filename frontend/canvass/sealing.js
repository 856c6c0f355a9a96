// Sealing a sign-up to the house's key. Nothing on this phone opens it again.

import { sealTo } from "./hpke.js";

const PROTOCOL = "confianza canvass v1";
// Padded, so that its length tells nothing of a name.
const SIZES = [512, 1024];
// As in backend/campaigns/receipts.py.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const text = new TextEncoder();

/** A name for a record in the order of time: UUIDv7. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(Date.now()) << 16n) | BigInt((bytes[6] << 8) | bytes[7]));
  bytes[6] = (bytes[6] & 15) | 112;
  bytes[8] = (bytes[8] & 63) | 128;
  return hex(bytes).replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function newReceipt() {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => ALPHABET[byte % 32]).join("");
}

/**
 * @param {object} said what the person said
 * @param {{id: string, public: string}} key
 * @param {{id: string, device: string, shown: string}} place what it is bound to
 * @returns {Promise<{sealed: string, sha256: string}>}
 */
export async function seal(said, key, { id, device, shown }) {
  const plain = text.encode(JSON.stringify(said));
  const size = SIZES.find((each) => plain.length <= each);
  if (!size) throw new RangeError("too long");
  const padded = new Uint8Array(size).fill(32);
  padded.set(plain);
  const info = text.encode([PROTOCOL, key.id, id, device, shown].join("|"));
  const whole = await sealTo(bytesOf(key.public), info, padded);
  return {
    sealed: base64url(whole),
    sha256: hex(new Uint8Array(await crypto.subtle.digest("SHA-256", whole))),
  };
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  const signs = btoa(String.fromCharCode(...bytes));
  return signs.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} signs */
function bytesOf(signs) {
  const plain = atob(signs.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}
