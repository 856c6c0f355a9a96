/** Run by test_the_app.py: seals as the app does, and opens it with @hpke/core, which is no part of
 * the app. Reads `{key: {id, public}, said: […], place}` and writes what was sealed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { sealTo } from "../../frontend/canvass/hpke.js";
import { modules } from "../../frontend/canvass/qr.js";
import { newId, newReceipt, seal } from "../../frontend/canvass/sealing.js";
import {
  Aes256Gcm,
  CipherSuite,
  DhkemP256HkdfSha256,
  HkdfSha256,
} from "../../frontend/node_modules/@hpke/core/esm/mod.js";

const { key, said, device, shown, qr } = JSON.parse(readFileSync(0, "utf8"));

const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});
const pair = await suite.kem.generateKeyPair();
const point = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey));
for (const length of [0, 1, 512, 1024, 70_000]) {
  const info = crypto.getRandomValues(new Uint8Array(length % 300));
  const plain = new Uint8Array(length).map((_, at) => at % 251);
  const whole = await sealTo(point, info, plain);
  const enc = whole.slice(0, 65);
  const opened = await suite.open({ recipientKey: pair.privateKey, enc, info }, whole.slice(65));
  assert.deepEqual(new Uint8Array(opened), plain);
}

const sealed = [];
for (const each of said) {
  const id = newId();
  sealed.push({ id, ...(await seal(each, key, { id, device, shown })) });
}
await assert.rejects(() => seal({ name: "x".repeat(1024) }, key, { id: newId(), device, shown }), RangeError);
const receipts = Array.from({ length: 50 }, newReceipt);
const pictures = receipts.map((receipt) => modules(qr, receipt));
console.log(JSON.stringify({ sealed, receipts, pictures }));
