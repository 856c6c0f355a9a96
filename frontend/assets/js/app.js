// What every page needs once htmx has swapped a part of it.

/** After a swap, people who hear or tab the page land on what is new. */
document.addEventListener("htmx:after:swap", () => {
  const target = document.querySelector("main [data-focus]");
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
});

/** Without a network htmx's request fails: say so where it can be heard. */
document.addEventListener("htmx:error", () => {
  const live = document.getElementById("live");
  if (live) live.textContent = document.documentElement.lang === "es"
    ? "No se pudo cargar. Revise su conexión."
    : "That did not load. Check your connection.";
});

document.documentElement.dataset.ready = "yes";
