// Sealing to a public key (HPKE, RFC 9180): base mode, one message, DHKEM(P-256, HKDF-SHA256),
// HKDF-SHA256, AES-256-GCM. The browser does the mathematics; here is only the order of it. With a
// library the app would not fit its 12 KB; tests open what this seals with two others.

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const KEM = 0x0010;
const KDF = 0x0001;
const AEAD = 0x0002;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const BASE_MODE = 0;

const text = new TextEncoder();
const nothing = new Uint8Array();

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** @param {(Uint8Array | number[])[]} parts @returns {Bytes} */
function joined(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A number in two bytes. @param {number} number */
function two(number) {
  return [number >> 8, number & 255];
}

/** @param {Bytes} key @param {Bytes} message */
async function hmac(key, message) {
  // No browser takes an empty key; HMAC fills up any with zeros.
  const bytes = key.length ? key : new Uint8Array(KEY_BYTES);
  const how = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", bytes, how, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/** LabeledExtract and LabeledExpand of section 4, bound to one suite. @param {Bytes} suite */
function deriving(suite) {
  const version = text.encode("HPKE-v1");
  return {
    /** @param {Bytes} salt @param {string} label @param {Bytes} material */
    extract: (salt, label, material) =>
      hmac(salt, joined(version, suite, text.encode(label), material)),
    /** At most 32 bytes, so that one round is enough. @param {Bytes} key @param {string} label @param {Bytes} info @param {number} length */
    expand: async (key, label, info, length) => {
      const named = joined(two(length), version, suite, text.encode(label), info, [1]);
      return (await hmac(key, named)).slice(0, length);
    },
  };
}

/** Section 4.1: a secret that only the private key finds again, and what it needs for that. @param {Bytes} recipient */
async function encapsulate(recipient) {
  const { subtle } = crypto;
  const theirs = await subtle.importKey("raw", recipient, CURVE, false, []);
  const once = await subtle.generateKey(CURVE, false, ["deriveBits"]);
  const point = new Uint8Array(await subtle.exportKey("raw", once.publicKey));
  const shared = await subtle.deriveBits({ name: "ECDH", public: theirs }, once.privateKey, 256);
  const { extract, expand } = deriving(joined(text.encode("KEM"), two(KEM)));
  const key = await extract(nothing, "eae_prk", new Uint8Array(shared));
  const secret = await expand(key, "shared_secret", joined(point, recipient), KEY_BYTES);
  return { point, secret };
}

/**
 * The one-time point and the ciphertext, as one (sections 5.1.1 and 6.1).
 * @param {Bytes} recipient the uncompressed point @param {Bytes} info @param {Bytes} plain
 * @returns {Promise<Bytes>}
 */
export async function sealTo(recipient, info, plain) {
  const { point, secret } = await encapsulate(recipient);
  const { extract, expand } = deriving(joined(text.encode("HPKE"), two(KEM), two(KDF), two(AEAD)));
  const context = joined(
    [BASE_MODE],
    await extract(nothing, "psk_id_hash", nothing),
    await extract(nothing, "info_hash", info),
  );
  const chain = await extract(secret, "secret", nothing);
  const raw = await expand(chain, "key", context, KEY_BYTES);
  const iv = await expand(chain, "base_nonce", context, NONCE_BYTES);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
  return joined(point, new Uint8Array(sealed));
}
