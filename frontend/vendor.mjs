/**
 * Fills assets/vendor from the pinned npm packages. Run by `python -m backend setup`
 * with this folder as the working folder; nothing it writes is committed.
 *
 * - htmx.js: as published, without the comment that points at a source map we do not serve.
 * - <room>.js of a room that has one, with all it imports: so far canvass.js, the canvassers' app. As a
 *   set of modules it would not fit its 12 KB, nor carry one fingerprint on phones that keep it.
 * - outlines.json: California's 58 counties as TopoJSON in longitude and latitude, from the
 *   Census Bureau's cartographic boundaries (us-atlas, public domain).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { build } from "esbuild";
import { feature, quantize } from "topojson-client";
import { topology } from "topojson-server";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";

const PACKAGES = new URL("node_modules/", import.meta.url);
const VENDOR = new URL("assets/vendor/", import.meta.url);

const CALIFORNIA = "06";
const COUNTIES = 58;
/** Points that bend a line by less than this many square degrees (about 0.7 km²) are dropped. */
const SMALLEST_BEND = 7e-5;
/** Islands and slivers below this many square degrees (about 5 km²) are dropped. */
const SMALLEST_ISLAND = 5e-4;
/** Name, drawing and width in pixels of each icon. A maskable one fills its square. */
const ICONS = [
  ["192", "mark", 192],
  ["512", "mark", 512],
  ["maskable-512", "mark-maskable", 512],
  ["apple-180", "mark-maskable", 180],
];
/** Steps per side of the map: one step is about 100 m. */
const GRID = 1e4;

/** Copies htmx; returns its size in bytes. */
function copyHtmx() {
  const published = readFileSync(new URL("htmx.org/dist/htmx.min.js", PACKAGES), "utf8");
  const script = published.replace(/^\/\/[#@]\s*sourceMappingURL=.*$/gmu, "");
  writeFileSync(new URL("htmx.js", VENDOR), script);
  return Buffer.byteLength(script);
}

/** Bundles the rooms' apps; returns their names and sizes in bytes. */
async function bundleApps() {
  const rooms = readdirSync(".").filter((room) => existsSync(`${room}/${room}.js`));
  return Promise.all(rooms.map(bundle));
}

/** @param {string} room */
async function bundle(room) {
  const { outputFiles } = await build({
    entryPoints: [`${room}/${room}.js`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    write: false,
  });
  writeFileSync(new URL(`${room}.js`, VENDOR), outputFiles[0].contents);
  return `${room}.js ${outputFiles[0].contents.byteLength} bytes`;
}

/** Draws the icons of the installed app as PNGs from their SVGs; returns how many. */
async function drawIcons() {
  await initWasm(readFileSync(new URL("@resvg/resvg-wasm/index_bg.wasm", PACKAGES)));
  mkdirSync(new URL("icons/", VENDOR), { recursive: true });
  for (const [name, source, size] of ICONS) {
    const drawing = readFileSync(new URL(`assets/img/${source}.svg`, import.meta.url), "utf8");
    const picture = new Resvg(drawing, { fitTo: { mode: "width", value: size } }).render();
    writeFileSync(new URL(`icons/${name}.png`, VENDOR), picture.asPng());
  }
  return ICONS.length;
}

/** Cuts and simplifies the counties; returns the TopoJSON's size in bytes. */
function buildOutlines() {
  const atlas = JSON.parse(readFileSync(new URL("us-atlas/counties-10m.json", PACKAGES), "utf8"));
  const features = atlas.objects.counties.geometries
    .filter((county) => county.id.startsWith(CALIFORNIA))
    .sort((one, other) => one.id.localeCompare(other.id))
    .map((county) => ({ ...feature(atlas, county), properties: {} }));
  if (features.length !== COUNTIES) {
    throw new Error(`us-atlas has ${features.length} California counties instead of ${COUNTIES}`);
  }

  // Arcs are found before simplifying, so that a border two counties share stays one line.
  const exact = topology({ counties: { type: "FeatureCollection", features } });
  const weighed = presimplify(exact);
  const roomy = filter(weighed, filterWeight(weighed, SMALLEST_ISLAND));
  const outlines = quantize(simplify(roomy, SMALLEST_BEND), GRID);

  const { geometries } = outlines.objects.counties;
  outlines.objects.counties.geometries = geometries.map(({ type, id, arcs }) => ({ type, id, arcs }));
  const lost = outlines.objects.counties.geometries.filter(({ arcs }) => !arcs?.length);
  if (lost.length) throw new Error(`no outline left for ${lost.map(({ id }) => id).join(", ")}`);

  const text = JSON.stringify(outlines);
  writeFileSync(new URL("outlines.json", VENDOR), text);
  return Buffer.byteLength(text);
}

mkdirSync(VENDOR, { recursive: true });
console.log(
  `htmx.js ${copyHtmx()} bytes, ${(await bundleApps()).join(", ")}, ` +
    `outlines.json ${buildOutlines()} bytes, ${await drawIcons()} icons`,
);
