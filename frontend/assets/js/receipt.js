// A letter or a QR code brings the receipt behind the #, which no server sees. It is taken out of
// the address before anything else, so that no history keeps it, and sent as if it had been typed.

openWhatTheLinkBrings();
window.addEventListener("hashchange", openWhatTheLinkBrings);

function openWhatTheLinkBrings() {
  const found = /^#([0-9A-Za-z-]{8,14})(?:\.([0-9]{6}))?$/.exec(location.hash);
  const form = document.getElementById("receipt");
  if (!found || !(form instanceof HTMLFormElement)) return;
  history.replaceState(null, "", location.pathname);
  for (const [name, value] of [["code", found[1]], ["digits", found[2] ?? ""]]) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement) field.value = value;
  }
  form.requestSubmit();
}
