// Background work as it goes on: looked up anew every few seconds, while somebody looks at it.

const EVERY = 5000;
const region = document.getElementById("work");

function look() {
  if (!region || document.visibilityState !== "visible") return;
  // Whoever is at a button in there keeps it.
  if (region.contains(document.activeElement)) return;
  region.dispatchEvent(new Event("look"));
}

setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
