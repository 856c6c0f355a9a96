// What is sealed leaves this phone, one sign-up a request, and is deleted here once the server has
// named it and its hash. Whatever happens between, it stays.

import { solve } from "../assets/js/sum.js";
import { facts, keep, remove, setAside, waiting } from "./phone.js";

/** @typedef {import("./phone.js").Waiting} Waiting */

const AT_ONCE = 6;
const PATIENCE = 30_000;
const SOONEST = 5_000;
const LATEST = 300_000;
// How often a phone with nothing to send says how it stands.
const OFTEN = 300_000;

let failures = 0;
let notBefore = 0;
let told = -OFTEN;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;
/** @type {Promise<void> | undefined} */
let running;
/** @type {{now: boolean, again: boolean} | undefined} */
let wanted;

/** Somebody may want to show it. */
function changed() {
  document.dispatchEvent(new Event("canvass"));
}

/**
 * @param {string} path @param {object} body
 * @returns {Promise<{status: number, said: any}>} status 0 when nobody of ours answered
 */
async function post(path, body) {
  try {
    const answer = await fetch(`/canvass/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout?.(PATIENCE),
    });
    // The sign-in page of some network also answers 200; it does not speak our JSON.
    return { status: answer.status, said: Object(await answer.json()) };
  } catch {
    return { status: 0, said: {} };
  }
}

/**
 * Join with a lead's code. A phone that was here before says who it is, so that what waits on it
 * stays its own.
 * @param {string} code @param {string} label
 */
export async function enrol(code, label) {
  const { device } = await facts();
  const asked = { code, label, device: device?.id };
  let { status, said } = await post("devices", asked);
  // Somebody tries codes by the thousand: then each costs a sum.
  if (said.code === "sum") {
    ({ status, said } = await post("devices", { ...asked, sum: await solve(said.sum) }));
  }
  if (status !== 200 || !said.device) return { done: false, said: String(said.said ?? "") };
  await keep({ device: { id: said.device, label }, shifts: said.shifts, standing: "" });
  return { done: true, said: "" };
}

/**
 * Send what waits, as far as the line goes. One tab at a time; two would count nothing twice, but
 * send it twice.
 * @param {{now?: boolean, again?: boolean}} [how] `now` even if it is early after a failure,
 *   `again` also what the server would not have
 */
export async function flush({ now = false, again = false } = {}) {
  if (!now && performance.now() < notBefore) return;
  wanted = { now: now || Boolean(wanted?.now), again: again || Boolean(wanted?.again) };
  running ??= passes().finally(() => (running = undefined));
  await running;
}

/** What is saved while sending goes on is sent right after. */
async function passes() {
  while (wanted) {
    const { now, again } = wanted;
    wanted = undefined;
    const work = () => sendAll(now, again);
    // Another tab that sends may not have seen what this one saved.
    await (navigator.locks?.request("canvass", { ifAvailable: true }, (lock) =>
      lock ? work() : tryLater(SOONEST),
    ) ?? work());
    changed();
  }
}

/** @param {number} wait milliseconds */
function tryLater(wait) {
  clearTimeout(later);
  later = setTimeout(() => flush().catch(() => {}), wait + 50);
}

/** @param {boolean} now @param {boolean} again */
async function sendAll(now, again) {
  const { device, standing } = await facts();
  if (!device || standing === "revoked") return;
  const queue = (await waiting()).filter((record) => again || !record.wrong);
  const all = queue.length;
  let failed = 0;
  let inRow = 0;
  let stopped = false;
  const line = async () => {
    for (let record = queue.shift(); record && !stopped; record = queue.shift()) {
      const done = await send(record).catch(() => false);
      failed += done ? 0 : 1;
      inRow = done ? 0 : inRow + 1;
      // One that fails holds up no other; when all fail, it is the line.
      stopped ||= done === null || inRow >= AT_ONCE;
      changed();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  const progress = all - failed - queue.length;
  if (progress) await keep({ sent_at: new Date().toISOString() }).catch(() => {});
  const due = now || progress || performance.now() - told > OFTEN;
  const heard = stopped || !due || (await tell());
  failures = stopped || !heard || (failed && !progress) ? failures + 1 : 0;
  const trouble = failed || stopped || !heard;
  const wait = trouble ? Math.min(SOONEST * 2 ** Math.max(0, failures - 1), LATEST) : 0;
  notBefore = performance.now() + wait;
  clearTimeout(later);
  if (wait) tryLater(wait);
}

/**
 * True when it is done with, false when it has to be tried again, null when nothing can be sent.
 * @param {Waiting} record
 */
async function send(record) {
  const { sha256, campaign, wrong, ...sealed } = record;
  const { status, said } = await post("records", sealed);
  if (status === 200 && said.id === record.id && said.sha256 === sha256) {
    await remove(record);
    return true;
  }
  if (status === 422 && said.code) {
    await setAside(record, said.said);
    return true;
  }
  return (await isOut(status, said)) ? null : false;
}

/** Say how this phone stands, and hear of its shifts. */
async function tell() {
  const left = await waiting();
  const { status, said } = await post("seen", {
    unsent: left.length,
    oldest: left[0]?.saved_at,
    now: new Date().toISOString(),
    version: document.body.dataset.version,
  });
  if (status === 200 && said.shifts) {
    told = performance.now();
    await keep({ shifts: said.shifts, standing: "" });
    return true;
  }
  await isOut(status, said);
  return false;
}

/** Whether the phone may send nothing any more. @param {number} status @param {any} said */
async function isOut(status, said) {
  if (status === 401 && said.code === "signed_out") {
    await keep({ standing: "signed_out" });
    return true;
  }
  if (status !== 403 || said.code !== "revoked") return false;
  // What it may not send is sealed; everything that can be read goes.
  const gone = ["device", "shifts", "choice", "totals", "sent_at", "pin"];
  await keep({ ...Object.fromEntries(gone.map((name) => [name, undefined])), standing: "revoked" });
  return true;
}

/** All that is on this phone, still sealed, as `backend/canvass/files.py` reads it. */
export async function file() {
  const records = await waiting();
  const now = new Date().toISOString();
  const head = { confianza: "canvass", version: 1, records: records.length, saved_at: now };
  const lines = [head, ...records].map((line) => `${JSON.stringify(line)}\n`);
  return new File(lines, `sign-ups-${now.slice(0, 10)}.txt`, { type: "text/plain" });
}
