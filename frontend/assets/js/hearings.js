// A calendar of one's own county: its address is made here, of the county that is kept on this phone.

for (const place of document.querySelectorAll(".my-county-calendar")) showMine(place);
document.addEventListener("htmx:after:swap", () => {
  for (const place of document.querySelectorAll(".my-county-calendar")) showMine(place);
});

/** @param {Element} place */
function showMine(place) {
  const link = place.querySelector("a");
  const slug = keptCounty();
  if (!(place instanceof HTMLElement) || !link || !slug) return;
  link.href = `webcal://${link.dataset.host}/counties/${slug}/hearings.ics?lang=${link.dataset.lang}`;
  place.hidden = false;
}

function keptCounty() {
  try {
    const slug = localStorage.getItem("county") ?? "";
    return /^[a-z-]+$/.test(slug) ? slug : "";
  } catch {
    return "";
  }
}
