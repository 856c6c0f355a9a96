// Background work as it goes on: looked up anew every few seconds, while somebody looks at it.

const EVERY = 5000;
const region = document.getElementById("work");

function look() {
  if (!region || document.visibilityState !== "visible") return;
  // Whoever is at a button in there keeps it, and what somebody opened stays open: a tap gives no
  // focus on every phone.
  if (region.contains(document.activeElement) || region.querySelector("details[open]")) return;
  region.dispatchEvent(new Event("look"));
}

setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
