/**
 * Says what changed on a live page, in its one status region, for eyes and for readers.
 *
 * On the root of a live region:
 *   data-say-state   a sentence; said when it becomes another one
 *   data-say-count   a number; an increase is said as "2 open ports added", with the words of
 *   data-say-unit    "open port|open ports"
 *
 * Increases are gathered, so that a busy scan does not talk without a pause.
 */
import { toast } from './toast.js';

const PAUSE = 4000;
const added = new Map();
let timer = 0;

function sayAdded() {
  timer = 0;
  const sentences = [...added].map(([unit, n]) => {
    const [one, many] = unit.split('|');
    return `${n} ${n === 1 ? one : many} added`;
  });
  added.clear();
  if (sentences.length > 0) toast(`${sentences.join(', ')}.`);
}

function changed({ target, attributeName, oldValue }) {
  const value = target.getAttribute(attributeName);
  if (value === null || oldValue === null || value === oldValue) return;
  if (attributeName === 'data-say-state') {
    if (value) toast(value);
    return;
  }
  const more = Number(value) - Number(oldValue);
  const unit = target.dataset.sayUnit;
  if (!(more > 0) || !unit) return;
  added.set(unit, (added.get(unit) ?? 0) + more);
  timer ||= setTimeout(sayAdded, PAUSE);
}

const main = document.getElementById('main');
if (main) {
  const watch = { subtree: true, attributes: true, attributeOldValue: true, attributeFilter: ['data-say-state', 'data-say-count'] };
  new MutationObserver((records) => {
    records.forEach(changed);
    // A new state is the last word: what was added on the way to it must not take its place.
    if (records.some((record) => record.attributeName === 'data-say-state')) {
      added.clear();
      clearTimeout(timer);
      timer = 0;
    }
  }).observe(main, watch);
}
