// Passkeys: asks the browser for one and sends its signed answer as the page's own form. Everything
// the server needs to trust the answer is checked there.

/** @typedef {{id: string, type: "public-key", transports?: AuthenticatorTransport[]}} Named */

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) prepare(form);
}
prepareCodes();

/** Lets the button be pressed where a passkey can be had, or says why not. @param {HTMLFormElement} form */
function prepare(form) {
  const origin = form.dataset.origin ?? "";
  if (location.origin !== origin) {
    say(form, `${form.dataset.wordsElsewhere} `, linkTo(origin));
  } else if (!window.PublicKeyCredential) {
    say(form, form.dataset.wordsMissing);
  } else {
    say(form);
    button(form).disabled = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
  }
}

/** @param {HTMLFormElement} form */
async function answer(form) {
  button(form).disabled = true;
  say(form, form.dataset.wordsWorking);
  try {
    const asked = await ask(form);
    if (!asked) return;
    const make = form.dataset.passkey === "make";
    field(form, "credential").value = JSON.stringify(await (make ? create(asked) : get(asked)));
    form.submit();
  } catch (error) {
    say(form, words(form, error));
  } finally {
    button(form).disabled = false;
  }
}

/** What is to be signed; nothing when another page must come first. @param {HTMLFormElement} form */
async function ask(form) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  const token = form.elements.namedItem("form_token");
  if (token instanceof HTMLInputElement) headers["X-Form-Token"] = token.value;
  const response = await fetch(form.dataset.challenge ?? "", { method: "POST", headers });
  if (response.redirected) {
    location.assign(response.url);
    return null;
  }
  if (!response.ok) throw new Refused(response.status);
  return response.json();
}

/** An answer of the server that is no yes. */
class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`refused with ${status}`);
    this.status = status;
  }
}

/** @param {any} asked */
async function create(asked) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...asked,
      challenge: toBytes(asked.challenge),
      user: { ...asked.user, id: toBytes(asked.user.id) },
      excludeCredentials: (asked.excludeCredentials ?? []).map(withBytes),
    },
  });
  const { id, rawId, type, response, attachment } = parts(made);
  if (!(response instanceof AuthenticatorAttestationResponse)) throw new TypeError("no attestation");
  return {
    id,
    rawId,
    type,
    authenticatorAttachment: attachment,
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      attestationObject: toText(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/** @param {any} asked */
async function get(asked) {
  const shown = await navigator.credentials.get({
    publicKey: {
      ...asked,
      challenge: toBytes(asked.challenge),
      allowCredentials: (asked.allowCredentials ?? []).map(withBytes),
    },
  });
  const { id, rawId, type, response, attachment } = parts(shown);
  if (!(response instanceof AuthenticatorAssertionResponse)) throw new TypeError("no assertion");
  return {
    id,
    rawId,
    type,
    authenticatorAttachment: attachment,
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(response.authenticatorData),
      signature: toText(response.signature),
      userHandle: response.userHandle ? toText(response.userHandle) : null,
    },
  };
}

/** @param {Credential | null} credential */
function parts(credential) {
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError("no passkey");
  const { id, type, response, authenticatorAttachment: attachment } = credential;
  return { id, type, response, attachment, rawId: toText(credential.rawId) };
}

/** @param {Named} named @returns {PublicKeyCredentialDescriptor} */
function withBytes(named) {
  return { ...named, id: toBytes(named.id) };
}

/** Base64url without padding. @param {ArrayBuffer} bytes */
export function toText(bytes) {
  const signs = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(signs).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text */
export function toBytes(text) {
  const signs = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(signs, (sign) => sign.charCodeAt(0));
}

/** @param {HTMLFormElement} form @param {unknown} error */
function words(form, error) {
  const { wordsStopped, wordsKnown, wordsOften, wordsOver, wordsFailed } = form.dataset;
  if (error instanceof Refused) {
    if (error.status === 429) return wordsOften;
    return error.status < 500 ? wordsOver : wordsFailed;
  }
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError") return wordsStopped;
  return name === "InvalidStateError" ? wordsKnown : wordsFailed;
}

/** @param {Element} place @param {...(string | Node | undefined)} what */
function say(place, ...what) {
  place.querySelector(".passkey-said")?.replaceChildren(...what.map((each) => each ?? ""));
}

/** @param {string} origin */
function linkTo(origin) {
  const link = document.createElement("a");
  link.href = origin + location.pathname + location.search;
  link.textContent = origin;
  return link;
}

/** @param {HTMLFormElement} form */
function button(form) {
  return /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
}

/** @param {HTMLFormElement} form @param {string} name */
function field(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** The buttons beside recovery codes, which only a script can bring to life. */
function prepareCodes() {
  for (const each of document.querySelectorAll("button[data-print]")) {
    if (each instanceof HTMLButtonElement) {
      each.hidden = false;
      each.addEventListener("click", () => window.print());
    }
  }
  for (const each of document.querySelectorAll("button[data-copy]")) {
    if (each instanceof HTMLButtonElement && navigator.clipboard) {
      each.hidden = false;
      each.addEventListener("click", () => copy(each));
    }
  }
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const items = document.querySelectorAll(`#${button.dataset.copy} li`);
  await navigator.clipboard.writeText([...items].map((item) => item.textContent).join("\n"));
  say(document.body, button.dataset.wordsCopied);
}
