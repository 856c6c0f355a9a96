// How long an invitation still works. Its page says until when without this file too.

const box = document.querySelector(".invitation");
const shown = document.querySelector(".countdown");
const over = document.querySelector(".invitation-over");
// By this machine's own running time: its clock may be wrong.
const seconds = Number(box instanceof HTMLElement ? box.dataset.seconds : 0);
const ends = performance.now() + seconds * 1000;

function tick() {
  if (!(box instanceof HTMLElement) || !(shown instanceof HTMLElement)) return;
  const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  shown.hidden = false;
  shown.textContent = (shown.dataset.words ?? "").replace("0:00", time);
  if (left) return;
  clearInterval(timer);
  box.hidden = true;
  if (over instanceof HTMLElement) over.hidden = false;
}

const timer = setInterval(tick, 1000);
if (box) tick();
