/** Run by test_outlines.py (or `node --test`), against the outlines that are really served. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { countiesAt, decode } from "../../frontend/assets/js/locate.js";

const FILE = new URL("../../frontend/assets/vendor/outlines.json", import.meta.url);
const outlines = decode(JSON.parse(readFileSync(FILE, "utf8")));

/** @param {number} latitude @param {number} longitude @param {number} [accuracy] */
const at = (latitude, longitude, accuracy) => countiesAt(outlines, longitude, latitude, accuracy);

test("all 58 counties have closed rings", () => {
  assert.equal(outlines.length, 58);
  for (const ring of outlines.flatMap(({ polygons }) => polygons.flat())) {
    assert.ok(ring.length >= 4);
    assert.deepEqual(ring[0], ring.at(-1));
  }
});

for (const [place, latitude, longitude, fips] of [
  ["Los Angeles city hall", 34.0537, -118.2427, "06037"],
  ["Sacramento capitol", 38.5766, -121.4934, "06067"],
  ["San Francisco city hall", 37.7793, -122.4193, "06075"],
  ["Alturas", 41.4871, -120.5425, "06049"],
  ["El Centro", 32.792, -115.563, "06025"],
  ["Avalon, on Santa Catalina", 33.3428, -118.3282, "06037"],
  ["San Diego's shore at La Jolla", 32.8508, -117.2722, "06073"],
]) {
  test(`${place} is in one county`, () => assert.deepEqual(at(latitude, longitude), [fips]));
}

for (const [place, latitude, longitude] of [
  ["Reno", 39.5296, -119.8138],
  ["the Pacific ocean", 36.0, -124.5],
  ["Tijuana", 32.5149, -117.0382],
  ["the other side of the world", -37.78, 57.58],
  ["no number", NaN, -118.2427],
  ["no number either", 34.0537, NaN],
  ["infinity", Infinity, -Infinity],
]) {
  test(`${place} is in no county`, () => assert.deepEqual(at(latitude, longitude), []));
}

test("a point near the border of Alameda and Contra Costa is asked about", () => {
  assert.deepEqual(at(37.9063, -122.279).toSorted(), ["06001", "06013"]);
});

test("the county that holds the point comes first", () => {
  assert.equal(at(37.9063, -122.279)[0], "06013");
});

test("a phone unsure of its place is asked, and Reno stays outside", () => {
  assert.deepEqual(at(38.5766, -121.4934, 3000).toSorted(), ["06067", "06113"]);
  assert.deepEqual(at(39.5296, -119.8138, 20_000), []);
});

/**
 * A stand-in for the page: just the parts locate.js touches. `position` is what the phone
 * answers, coordinates or an error with a code.
 */
class Element {
  constructor(dataset = {}) {
    Object.assign(this, { dataset, hidden: true, textContent: "", shown: [] });
  }
  addEventListener(_kind, listener) {
    this.tap = listener;
  }
  replaceChildren(...nodes) {
    this.shown = nodes;
  }
}

const NAMES = ["document", "window", "navigator", "location", "fetch", "HTMLButtonElement"];
const before = NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
afterEach(() => {
  for (const [name, property] of before) {
    delete globalThis[name];
    if (property) Object.defineProperty(globalThis, name, property);
  }
});

let page = 0;

async function openPage(position, { secure = true, outlinesAnswer = true } = {}) {
  const counties = Object.fromEntries(
    outlines.map(({ fips }) => [fips, { name: `county ${fips}`, url: `/counties/${fips}` }]),
  );
  const button = new Element({
    outlines: "/static/vendor/outlines.json",
    counties: JSON.stringify(counties),
    ...{ wordsWorking: "working", wordsWhich: "which", wordsOutside: "outside" },
    ...{ wordsDenied: "denied", wordsFailed: "failed" },
  });
  const answer = new Element();
  const asked = [];
  const opened = [];
  const globals = {
    HTMLButtonElement: Element,
    document: {
      getElementById: (id) => ({ "use-my-location": button, "location-answer": answer })[id],
      createElement: () => new Element(),
    },
    window: { isSecureContext: secure },
    location: { assign: (address) => opened.push(address) },
    navigator: {
      geolocation: {
        getCurrentPosition: (done, failed) =>
          position.code ? failed(position) : done({ coords: { accuracy: 20, ...position } }),
      },
    },
    fetch: async (...request) => {
      asked.push(request);
      return { ok: outlinesAnswer, json: async () => JSON.parse(readFileSync(FILE, "utf8")) };
    },
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  page += 1;
  await import(`../../frontend/assets/js/locate.js?page=${page}`);
  return { button, answer, asked, opened };
}

async function tap({ button }) {
  button.tap();
  while (button.disabled) await new Promise(setImmediate);
}

test("the button stays hidden where a browser would refuse", async () => {
  const { button } = await openPage({}, { secure: false });
  assert.equal(button.hidden, true);
  assert.equal(button.tap, undefined);
});

test("one county is opened, and only the outlines were asked for, without cookies", async () => {
  const opening = await openPage({ latitude: 34.0537, longitude: -118.2427 });
  assert.equal(opening.button.hidden, false);
  await tap(opening);
  assert.deepEqual(opening.opened, ["/counties/06037"]);
  assert.deepEqual(opening.asked, [["/static/vendor/outlines.json", { credentials: "omit" }]]);
});

test("several counties become links to choose from", async () => {
  const opening = await openPage({ latitude: 37.9063, longitude: -122.279 });
  await tap(opening);
  const [words, ...links] = opening.answer.shown;
  assert.equal(words, "which");
  assert.deepEqual(
    links.filter((node) => node instanceof Element).map(({ href, textContent }) => [href, textContent]),
    [["/counties/06013", "county 06013"], ["/counties/06001", "county 06001"]],
  );
  assert.deepEqual(opening.opened, []);
});

for (const [position, options, words] of [
  [{ latitude: 39.5296, longitude: -119.8138 }, {}, "outside"],
  [{ code: 1 }, {}, "denied"],
  [{ code: 2 }, {}, "failed"],
  [{ code: 3 }, {}, "failed"],
  [{ latitude: 34.0537, longitude: -118.2427 }, { outlinesAnswer: false }, "failed"],
  [{ latitude: 34.0537, longitude: -118.2427, accuracy: 90_000 }, {}, "failed"],
]) {
  test(`${JSON.stringify({ ...position, ...options })} says "${words}"`, async () => {
    const opening = await openPage(position, options);
    await tap(opening);
    assert.equal(opening.answer.textContent, words);
    assert.deepEqual(opening.opened, []);
  });
}
