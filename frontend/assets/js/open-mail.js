// A letter's link has what opens its reader's page after the #, which no browser sends. This hands it
// in, in a body, and takes it out of the address first: out of the history too.

export {};

// A link followed while the page is open already loads nothing anew.
window.addEventListener("hashchange", handIn);
handIn();

function handIn() {
  const form = document.getElementById("open-mail");
  const token = location.hash.slice(1);
  if (form instanceof HTMLFormElement && /^[A-Za-z0-9_-]{20,100}$/.test(token)) {
    history.replaceState(null, "", location.pathname + location.search);
    const place = form.elements.namedItem("token");
    if (place instanceof HTMLInputElement) {
      place.value = token;
      form.submit();
    }
  }
}
