// What this phone needs where there is no signal: the app in every language, and the kit.

const PLACE = "canvass";
const KIT = "/canvass/kit.json";

/**
 * @typedef {object} Kit what `backend/canvass/kit.py` writes
 * @property {{id: string, public: string}} key
 * @property {{address: string, size: number, zeros: string, turns: string[][]}} qr
 * @property {Record<string, string>} counties
 * @property {Record<string, string[]>} zips
 * @property {Campaign[]} campaigns
 */
/**
 * @typedef {{slug: string, title: Words, ask: Words, words: Words,
 *   texts: Record<string, Record<string, {id: number, language: string, words: string}>>}} Campaign
 */
/** @typedef {Record<string, string>} Words */

/** @returns {Promise<Kit | undefined>} */
export async function kit() {
  return (await caches.match(KIT, { cacheName: PLACE }))?.json();
}

/** A hotel's sign-in page also answers 200. @param {Response} answer @param {string} kind */
function isOurs(answer, kind) {
  return answer.ok && (answer.headers.get("content-type") ?? "").startsWith(kind);
}

/** Fetch all of it anew; what is here stays until all the new is. @param {string[]} languages */
export async function keepHere(languages) {
  const kept = await caches.open(PLACE);
  const fresh = await fetch(KIT, { cache: "no-cache", redirect: "error" });
  if (isOurs(fresh, "application/json")) await kept.put(KIT, fresh);
  /** @type {[string, Response][]} */
  const pages = [];
  const needed = new Set([KIT]);
  for (const code of languages) {
    // Without cookies: the page in another language shall not become the reader's.
    const address = `${location.origin}/canvass?lang=${code}`;
    const page = await fetch(address, { credentials: "omit", cache: "no-cache", redirect: "error" });
    if (!isOurs(page, "text/html")) throw new Error(address);
    pages.push([address, page]);
    const assets = (await page.clone().text()).matchAll(/\/static\/[^"#]+/g);
    for (const [asset] of assets) needed.add(asset);
  }
  for (const asset of needed) {
    if (!(await kept.match(asset))) await kept.add(new Request(asset, { redirect: "error" }));
  }
  for (const [address, page] of pages) await kept.put(address, page);
  for (const { url } of await kept.keys()) {
    const { origin, pathname } = new URL(url);
    if (pathname.startsWith("/static/") && !needed.has(url.slice(origin.length))) await kept.delete(url);
  }
}
