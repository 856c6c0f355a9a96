// One person signs. The form is made anew for each and taken away whole: nothing of the one before
// is left to be read, restored or filled in.

import { kit as kitHere } from "./keeping.js";
import { add, isFull } from "./phone.js";
import { draw } from "./qr.js";
import { newId, newReceipt, seal } from "./sealing.js";

/** @typedef {import("./keeping.js").Kit} Kit */
/** @typedef {import("./keeping.js").Campaign} Campaign */
/**
 * @typedef {object} Said what is sealed, with the receipt's code
 * @property {string} name
 * @property {string} contact
 * @property {string} zip
 * @property {string} county
 * @property {string} language
 * @property {string[]} purposes
 * @property {"shown" | "aloud"} how
 * @property {string} campaign
 */
/** @typedef {{device: string, shift: number}} Place */

const LONGEST_NAME = 100;
const LONGEST_CONTACT = 254;

/**
 * Seal what somebody said, and keep it. The receipt's code is what is left of it in the open.
 * @param {Said} said @param {Place} place @param {Kit} kit
 */
export async function save(said, { device, shift }, kit) {
  const id = newId();
  const receipt = newReceipt();
  const campaign = kit.campaigns.find(({ slug }) => slug === said.campaign);
  const texts = Object.values(campaign?.texts[said.language] ?? {});
  const shown = texts.map((each) => each.id).join(".");
  const { sealed, sha256 } = await seal({ ...said, receipt }, kit.key, { id, device, shown });
  await add({
    id,
    device,
    shift,
    key: kit.key.id,
    shown,
    sealed,
    saved_at: new Date().toISOString(),
    sha256,
    campaign: said.campaign,
  });
  return receipt;
}

/**
 * Give the phone to the next signer.
 * @param {HTMLElement} room where the form stands until they are done
 * @param {string} code their language @param {Place & {campaign: string}} where
 * @param {() => void} leave
 */
export async function sign(room, code, where, leave) {
  const kit = await kitHere();
  const campaign = kit?.campaigns.find(({ slug }) => slug === where.campaign);
  const template = document.getElementById(`sign-${code}`);
  if (!kit || !campaign || !(template instanceof HTMLTemplateElement)) return leave();
  room.replaceChildren(template.content.cloneNode(true));
  room.lang = code;
  room.dir = template.dir;
  const form = /** @type {HTMLFormElement} */ (room.querySelector("form"));
  fill(form, campaign, code);
  const zip = field(form, "zip");
  zip.addEventListener("input", () => offerCounties(form, kit, zip.value));
  const leaving = () => {
    room.replaceChildren();
    leave();
  };
  for (const button of room.querySelectorAll(".leave")) button.addEventListener("click", leaving);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = read(form, code, where.campaign);
    if (tell(form, mistakesIn(said, kit))) return;
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
    button.disabled = true;
    try {
      const receipt = await save(said, where, kit);
      form.remove();
      showReceipt(room, kit, receipt);
      document.dispatchEvent(new Event("canvass-saved"));
    } catch (error) {
      button.disabled = false;
      tell(form, { save: isFull(error) ? "full" : "failed" });
    }
  });
  focus(room.querySelector("h1"));
}

/** @param {HTMLFormElement} form @param {Campaign} campaign @param {string} code */
function fill(form, campaign, code) {
  for (const part of /** @type {const} */ (["title", "ask", "words"])) {
    const place = form.querySelector(`.campaign-${part}`);
    if (place) place.textContent = campaign[part][code] ?? campaign[part].en;
  }
  const blank = /** @type {HTMLElement} */ (form.querySelector(".tick.purpose"));
  const ticks = Object.entries(campaign.texts[code] ?? {}).map(([purpose, text]) => {
    const tick = /** @type {HTMLElement} */ (blank.cloneNode(true));
    const box = /** @type {HTMLInputElement} */ (tick.querySelector("input"));
    box.id = box.name = `agree_${purpose}`;
    tick.lang = text.language;
    /** @type {HTMLElement} */ (tick.querySelector("span")).textContent = text.words;
    return tick;
  });
  blank.replaceWith(...ticks);
}

/** @param {HTMLFormElement} form @param {string} name */
function field(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** A ZIP code that lies in several counties asks which one. @param {HTMLFormElement} form @param {Kit} kit @param {string} zip */
function offerCounties(form, kit, zip) {
  const several = kit.zips[zip.trim().slice(0, 5)] ?? [];
  const box = /** @type {HTMLFieldSetElement} */ (form.querySelector("#county"));
  box.hidden = several.length < 2;
  const blank = /** @type {HTMLTemplateElement} */ (box.querySelector("template"));
  for (const old of box.querySelectorAll("label")) old.remove();
  if (box.hidden) return;
  for (const slug of several) {
    const choice = /** @type {DocumentFragment} */ (blank.content.cloneNode(true));
    /** @type {HTMLInputElement} */ (choice.querySelector("input")).value = slug;
    const name = /** @type {HTMLElement} */ (choice.querySelector("span"));
    name.textContent = (name.textContent ?? "").replace("%(name)s", kit.counties[slug]);
    box.append(choice);
  }
}

/** @param {HTMLFormElement} form @param {string} language @param {string} campaign @returns {Said} */
function read(form, language, campaign) {
  const typed = new FormData(form);
  /** @param {string} name */
  const text = (name) => String(typed.get(name) ?? "").replace(/\s+/g, " ").trim();
  const purposes = [...typed.keys()].filter((name) => name.startsWith("agree_"));
  return {
    name: text("name"),
    contact: text("contact"),
    zip: text("zip"),
    county: text("county"),
    language,
    purposes: purposes.map((name) => name.slice("agree_".length)),
    how: typed.has("aloud") ? "aloud" : "shown",
    campaign,
  };
}

/**
 * What of it cannot be right, as the server will see it: a name for the words by each field.
 * @param {Said} said @param {Kit} kit
 */
function mistakesIn({ name, contact, zip, county, purposes }, kit) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!name) found.name = "empty";
  else if (name.length > LONGEST_NAME) found.name = "long";
  else if (!/\p{L}/u.test(name)) found.name = "letters";
  else if (/https?:|www\.|<[a-z/!]/i.test(name)) found.name = "only";
  if (!contact) found.contact = "empty";
  else if (contact.includes("@")) {
    const fits = /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(contact) && contact.length <= LONGEST_CONTACT;
    if (!fits) found.contact = "email";
  } else if (!/^[+\d\s().-]{10,25}$/.test(contact) || contact.replace(/\D/g, "").length < 10) {
    found.contact = "phone";
  }
  const counties = kit.zips[zip.slice(0, 5)];
  if (!/^\d{5}(-\d{4})?$/.test(zip)) found.zip = "digits";
  else if (!counties) found.zip = "elsewhere";
  else if (counties.length > 1 && !counties.includes(county)) found.county = "several";
  if (!purposes.includes("pledge")) found.agree_pledge = "needed";
  return found;
}

/**
 * Say what is wrong, above all and beside each field. False when nothing is.
 * @param {HTMLFormElement} form @param {Record<string, string>} mistakes
 */
export function tell(form, mistakes) {
  const summary = /** @type {HTMLElement} */ (form.querySelector(".problems"));
  const lines = [];
  for (const place of form.querySelectorAll(".field-error")) {
    if (!(place instanceof HTMLElement)) continue;
    const name = place.dataset.of ?? "";
    const words = place.dataset[mistakes[name] ?? ""] ?? mistakes[name];
    const input = form.querySelector(`#${name}`);
    place.hidden = !words;
    place.textContent = words ?? "";
    if (words) {
      input?.setAttribute("aria-invalid", "true");
      input?.setAttribute("aria-describedby", place.id);
      const link = document.createElement("a");
      link.href = `#${name}`;
      link.textContent = words;
      link.addEventListener("click", (event) => {
        // No entry in the history: Back leads nowhere from here.
        event.preventDefault();
        focus(input?.matches("input") ? input : (input?.querySelector("input") ?? input));
      });
      const line = document.createElement("li");
      line.append(link);
      lines.push(line);
    } else {
      input?.removeAttribute("aria-invalid");
      input?.removeAttribute("aria-describedby");
    }
  }
  summary.hidden = !lines.length;
  summary.querySelector("ul")?.replaceChildren(...lines);
  if (lines.length) focus(summary);
  return lines.length > 0;
}

/** @param {HTMLElement} room @param {Kit} kit @param {string} receipt */
function showReceipt(room, kit, receipt) {
  const part = /** @type {HTMLElement} */ (room.querySelector(".receipt"));
  /** @param {string} selector @param {string} words */
  const put = (selector, words) => {
    /** @type {HTMLElement} */ (part.querySelector(selector)).textContent = words;
  };
  put(".code", `${receipt.slice(0, 5)}-${receipt.slice(5)}`);
  put(".address", `${kit.qr.address}${receipt}`);
  part.querySelector(".qr-box")?.append(draw(kit.qr, receipt));
  part.hidden = false;
  focus(part.querySelector("h1"));
}

/** @param {Element | null | undefined} element */
export function focus(element) {
  if (!(element instanceof HTMLElement)) return;
  if (!element.matches("input, button, a")) element.tabIndex = -1;
  element.focus();
  if (element.matches("h1")) scrollTo(0, 0);
}
