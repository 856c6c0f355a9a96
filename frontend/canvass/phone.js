// What is on this phone: the sealed sign-ups that wait, and what the app has to remember.

/**
 * @typedef {object} Waiting a sealed sign-up. What is sent is all but the last three: `sha256` of
 *   its bytes, the campaign it is for, and why the server would not have it.
 * @property {string} id
 * @property {string} device
 * @property {number} shift
 * @property {string} key
 * @property {string} shown
 * @property {string} sealed
 * @property {string} saved_at
 * @property {string} sha256
 * @property {string} campaign
 * @property {string} [wrong]
 */
/**
 * @typedef {{id: number, event: string, place: string, campaigns: string[], languages: string[],
 *   ended: boolean}} Shift
 */
/**
 * @typedef {object} Facts
 * @property {{id: string, label: string}} [device]
 * @property {Shift[]} [shifts]
 * @property {{shift: number, campaign: string}} [choice]
 * @property {{salt: Uint8Array, hash: Uint8Array, wrong: number, wait: number,
 *   until: number}} [pin]
 * @property {"" | "signed_out" | "revoked"} [standing]
 * @property {Record<string, number>} [totals] how many were saved, by shift and campaign
 * @property {string} [sent_at]
 */

const NAME = "canvass";

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("records", { keyPath: "id" });
      asked.result.createObjectStore("facts");
    };
    asked.onerror = () => reject(asked.error);
    asked.onsuccess = () => {
      const database = asked.result;
      // Phones close it while the app is in the background, iPhones without being asked.
      database.onclose = () => (opened = null);
      database.onversionchange = () => {
        database.close();
        opened = null;
      };
      resolve(database);
    };
  });
  return opened;
}

/**
 * All that `work` asks for happens, or nothing does; `work` returns what gives the result in the
 * end. Once more when the database was closed under it: so `work` must do no harm twice.
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(records: IDBObjectStore, facts: IDBObjectStore) => (() => T) | void} work
 * @returns {Promise<T>}
 */
async function transact(mode, work, again = true) {
  try {
    const database = await open();
    return await new Promise((resolve, reject) => {
      const whole = database.transaction(["records", "facts"], mode, { durability: "strict" });
      const done = work(whole.objectStore("records"), whole.objectStore("facts"));
      whole.oncomplete = () => resolve(/** @type {T} */ (done?.()));
      whole.onabort = () => reject(whole.error ?? new Error("closed"));
    });
  } catch (error) {
    if (isFull(error)) throw error;
    opened = null;
    if (!again) throw error;
    return transact(mode, work, false);
  }
}

/** Whether there is no room left on the phone. @param {unknown} error */
export function isFull(error) {
  return error instanceof Object && "name" in error && error.name === "QuotaExceededError";
}

/** @returns {Promise<Facts>} */
export function facts() {
  return transact("readonly", (_records, facts) => {
    const names = facts.getAllKeys();
    const values = facts.getAll();
    return () => Object.fromEntries(names.result.map((name, at) => [name, values.result[at]]));
  });
}

/** Keep these, and forget those that are undefined. @param {Facts} change */
export function keep(change) {
  return transact("readwrite", (_records, facts) => {
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) facts.delete(name);
      else facts.put(value, name);
    }
  });
}

/** Every sign-up that is here, the oldest first. @returns {Promise<Waiting[]>} */
export function waiting() {
  return transact("readonly", (records) => {
    const all = records.getAll();
    return () => all.result;
  });
}

/** By which `totals` counts. @param {Waiting} record */
export function totalOf(record) {
  return `${record.shift} ${record.campaign}`;
}

/** @param {Waiting} record */
export function add(record) {
  return transact("readwrite", (records, facts) => {
    const there = records.getKey(record.id);
    const asked = facts.get("totals");
    asked.onsuccess = () => {
      if (there.result) return;
      const totals = asked.result ?? {};
      totals[totalOf(record)] = (totals[totalOf(record)] ?? 0) + 1;
      records.add(record);
      facts.put(totals, "totals");
    };
  });
}

/** It is safely with us. Nothing is written with it: a full phone could not. @param {Waiting} record */
export function remove(record) {
  return transact("readwrite", (records) => {
    records.delete(record.id);
  });
}

/** Somebody has to look at it; the others go on. @param {Waiting} record @param {string} wrong */
export function setAside(record, wrong) {
  return transact("readwrite", (records) => {
    records.put({ ...record, wrong });
  });
}

/** Whether this browser really keeps what it is given. */
export async function works() {
  try {
    const mark = String(Math.random());
    const probe = /** @type {any} */ ({ probe: mark });
    await keep(probe);
    const found = /** @type {any} */ (await facts()).probe;
    await keep(/** @type {any} */ ({ probe: undefined }));
    return found === mark;
  } catch {
    return false;
  }
}
