/**
 * "Use my location": finds the county on the phone. The position is compared with outlines
 * that everyone downloads alike, so it is never sent anywhere, not even to us.
 *
 * The button carries everything: data-outlines (address of outlines.json), data-counties
 * ({fips: {name, url}} as JSON) and the words to say, data-words-working, -which, -outside,
 * -denied and -failed. The answer goes into #location-answer.
 */

/** @typedef {[longitude: number, latitude: number]} Point degrees */
/** @typedef {Point[]} Ring closed: the last point is the first */
/** @typedef {{fips: string, polygons: Ring[][]}} Outline */
/** @typedef {{name: string, url: string}} County */
/**
 * @typedef {object} Topology TopoJSON as vendor.mjs writes it
 * @property {{scale: [number, number], translate: [number, number]}} transform
 * @property {[number, number][][]} arcs steps on a grid, each from the point before
 * @property {{counties: {geometries: Geometry[]}}} objects
 */
/**
 * @typedef {{type: "Polygon", id: string, arcs: number[][]}
 *   | {type: "MultiPolygon", id: string, arcs: number[][][]}} Geometry
 */

/** The outlines are simplified: so close to a border, the county on its other side may be right. */
const DOUBT_METERS = 1500;
/** A guess wider than this (some computers know only their provider's city) answers nothing. */
const USELESS_METERS = 25_000;
const METERS_PER_DEGREE = 111_195;

const TIMEOUT_MS = 15_000;
const MAXIMUM_AGE_MS = 600_000;
const PERMISSION_DENIED = 1;

/**
 * The counties' outlines in degrees, from TopoJSON.
 *
 * @param {Topology} topology
 * @returns {Outline[]}
 */
export function decode(topology) {
  const { scale, translate } = topology.transform;
  const lines = topology.arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([stepX, stepY]) => {
      x += stepX;
      y += stepY;
      return /** @type {Point} */ ([x * scale[0] + translate[0], y * scale[1] + translate[1]]);
    });
  });
  return topology.objects.counties.geometries.map((geometry) => {
    const polygons = geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs;
    return {
      fips: geometry.id,
      polygons: polygons.map((rings) => rings.map((ring) => join(ring, lines))),
    };
  });
}

/**
 * FIPS codes of the county that holds the point (degrees), then of those whose border passes
 * within 1.5 km of it, nearest first. Empty when the point is no number or outside California.
 * A phone that is unsure of its place (`accuracy` in meters) gets that much more of them.
 *
 * @param {Outline[]} outlines
 * @param {number} longitude
 * @param {number} latitude
 * @param {number} [accuracy]
 * @returns {string[]}
 */
export function countiesAt(outlines, longitude, latitude, accuracy = 0) {
  if (!Number.isFinite(longitude) || !Number.isFinite(latitude)) return [];
  const near = outlines
    .map(({ fips, polygons }) => ({ fips, meters: metersTo(polygons, [longitude, latitude]) }))
    .filter(({ meters }) => meters <= DOUBT_METERS + accuracy)
    .sort((one, other) => one.meters - other.meters);
  // Doubt widens a question, but it never moves someone in Reno into California.
  return near.length && near[0].meters <= DOUBT_METERS ? near.map(({ fips }) => fips) : [];
}

/**
 * One closed ring from arcs that share their end points; ~i is arc i backwards.
 *
 * @param {number[]} indexes
 * @param {Point[][]} lines
 * @returns {Ring}
 */
function join(indexes, lines) {
  return indexes.flatMap((index, order) => {
    const line = index < 0 ? [...lines[~index]].reverse() : lines[index];
    return order ? line.slice(1) : line;
  });
}

/**
 * Meters from the point to the county, 0 inside it, by the even-odd rule. Flat-earth distances:
 * good to a few meters over the distances that matter here.
 *
 * @param {Ring[][]} polygons
 * @param {Point} point
 */
function metersTo(polygons, [longitude, latitude]) {
  const shrink = Math.cos((latitude * Math.PI) / 180);
  let nearest = Infinity;
  let inside = false;
  for (const ring of polygons.flat()) {
    for (let index = 1; index < ring.length; index += 1) {
      const x1 = (ring[index - 1][0] - longitude) * shrink;
      const y1 = ring[index - 1][1] - latitude;
      const x2 = (ring[index][0] - longitude) * shrink;
      const y2 = ring[index][1] - latitude;
      if (y1 > 0 !== y2 > 0 && x1 - (y1 * (x2 - x1)) / (y2 - y1) > 0) inside = !inside;
      nearest = Math.min(nearest, lengthTo(x1, y1, x2, y2));
    }
  }
  return inside ? 0 : nearest * METERS_PER_DEGREE;
}

/**
 * The distance from 0, 0 to the line between two points, in their unit.
 *
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
function lengthTo(x1, y1, x2, y2) {
  const dx = x2 - x1;
  const dy = y2 - y1;
  const along = -(x1 * dx + y1 * dy) / (dx * dx + dy * dy || 1);
  const part = Math.min(1, Math.max(0, along));
  return Math.hypot(x1 + part * dx, y1 + part * dy);
}

/** Shows the button where a browser can answer it, and wires it. */
function start() {
  const button = document.getElementById("use-my-location");
  const answer = document.getElementById("location-answer");
  if (!(button instanceof HTMLButtonElement) || !answer) return;
  if (!window.isSecureContext || !("geolocation" in navigator)) return;
  button.addEventListener("click", () => locate(button, answer));
  button.hidden = false;
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} answer
 */
async function locate(button, answer) {
  const words = button.dataset;
  button.disabled = true;
  answer.textContent = words.wordsWorking ?? "";
  try {
    const [{ coords }, outlines] = await Promise.all([
      currentPosition(),
      fetchOutlines(words.outlines ?? ""),
    ]);
    if (coords.accuracy > USELESS_METERS) throw new Error("the phone does not know where it is");
    const { longitude, latitude, accuracy } = coords;
    show(button, answer, countiesAt(outlines, longitude, latitude, accuracy));
  } catch (error) {
    answer.textContent = (isDenied(error) ? words.wordsDenied : words.wordsFailed) ?? "";
  } finally {
    button.disabled = false;
  }
}

/**
 * Opens the county's page, or asks which of several, or says that it is not in California.
 *
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} answer
 * @param {string[]} fips
 */
function show(button, answer, fips) {
  /** @type {Record<string, County>} */
  const counties = JSON.parse(button.dataset.counties ?? "{}");
  const found = fips.map((code) => counties[code]).filter(Boolean);
  if (found.length === 1) {
    location.assign(found[0].url);
  } else if (found.length) {
    answer.replaceChildren(button.dataset.wordsWhich ?? "", ...found.flatMap(link));
  } else {
    answer.textContent = button.dataset.wordsOutside ?? "";
  }
}

/**
 * A link to a county's page, with the space before it.
 *
 * @param {County} county
 * @returns {(string | Node)[]}
 */
function link({ name, url }) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.textContent = name;
  return [" ", anchor];
}

/** @returns {Promise<GeolocationPosition>} */
function currentPosition() {
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(resolve, reject, {
      enableHighAccuracy: false,
      timeout: TIMEOUT_MS,
      maximumAge: MAXIMUM_AGE_MS,
    });
  });
}

/**
 * @param {string} address
 * @returns {Promise<Outline[]>}
 */
async function fetchOutlines(address) {
  const response = await fetch(address, { credentials: "omit" });
  if (!response.ok) throw new Error(`outlines answered ${response.status}`);
  return decode(await response.json());
}

/** @param {unknown} error */
function isDenied(error) {
  return error instanceof Object && "code" in error && error.code === PERMISSION_DENIED;
}

if (typeof document !== "undefined") start();
