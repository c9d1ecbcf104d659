/**
 * <mipo-ago><time datetime="…">3 min ago</time></mipo-ago>
 * Keeps a relative time true while the page stays open. The server wrote the first text.
 */
const STEP = 5_000;
const all = new Set();
let timer = 0;

/** @param {number} seconds */
export function words(seconds) {
  const past = seconds >= 0;
  const s = Math.abs(Math.round(seconds));
  let text;
  if (s < 60) text = `${s} s`;
  else if (s < 3600) text = `${Math.floor(s / 60)} min`;
  else if (s < 86_400) text = `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  else text = `${Math.floor(s / 86_400)} d`;
  return past ? text : `in ${text}`;
}

function tick() {
  const now = Date.now();
  for (const element of all) element.update(now);
}

class Ago extends HTMLElement {
  connectedCallback() {
    all.add(this);
    timer ||= setInterval(tick, STEP);
  }

  disconnectedCallback() {
    all.delete(this);
    if (all.size === 0) {
      clearInterval(timer);
      timer = 0;
    }
  }

  /** @param {number} now */
  update(now) {
    const time = this.querySelector('time');
    const at = Date.parse(time?.dateTime ?? '');
    if (!time || Number.isNaN(at)) return;
    // The server's clock is the one that counts; the page carries how far ours is off.
    const skew = Number(document.documentElement.dataset.skew ?? 0);
    const text = words((now - skew - at) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

const served = Date.parse(document.documentElement.dataset.now ?? '');
if (!Number.isNaN(served)) {
  const loaded = performance.timeOrigin + performance.now();
  const skew = loaded - served;
  // Less than two seconds is the way of the page, not a wrong clock.
  document.documentElement.dataset.skew = String(Math.abs(skew) < 2000 ? 0 : Math.round(skew));
}

customElements.define('mipo-ago', Ago);
