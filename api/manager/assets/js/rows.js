/**
 * Keys of lists and of pages about one object. Everything they do can also be reached with Tab.
 *
 * In a list each row carries `data-row`, and in it `data-open` on the link that opens it; a box in `.pick` selects it.
 * A button or link with `data-key="r"` is pressed by that key: the one of the current row, of the selected rows when
 * there are some (they stand in `.picked`), else the one of the page. The current row is the one that has the focus.
 * Where the keys do something else than in the lists of Ops, `data-key-words` says what, for the help.
 * `data-filter` is the field that / leads to; `data-keys` buttons open the help, as ? does.
 *
 * A box with `data-all` selects the whole page, a click with Shift everything since the last click.
 */
const PRESSED = ['r', 'c', 'd', 'p', 'a', 's'];
const HELP = [
  ['j', 'k', 'next and previous row'],
  ['x', '', 'select the row; with the mouse and Shift a range'],
  ['Enter', 'o', 'open the row'],
  ['r', '', 'retry, or run now what waits for its time'],
  ['c', '', 'cancel'],
  ['d', '', 'discard'],
  ['p', '', 'pause or resume; drain a worker, or let it work again'],
  ['a', '', 'retry all of the group'],
  ['s', '', 'snooze the group, or show it again'],
  ['/', '', 'filter'],
  ['Esc', '', 'clear the selection'],
  ['Ctrl K', '', 'find a page'],
  ['?', '', 'this help'],
];

const rows = () => [...document.querySelectorAll('[data-row]')].filter((row) => row.checkVisibility?.() ?? true);
const opener = (row) => row?.querySelector('[data-open]') ?? row?.querySelector('a[href]');
const box = (row) => row?.querySelector('.pick input[type="checkbox"]');
const boxes = (list) => [...list.querySelectorAll('[data-row] .pick input[type="checkbox"]')];
/** Id of the row that had the focus last: a list that was fetched anew goes on there. */
let last = '';
/** The box that was clicked last, by its row. */
let anchor = '';

function current() {
  const row = document.activeElement?.closest?.('[data-row]');
  if (row) return row;
  const kept = last && document.getElementById(last);
  return kept && document.activeElement === document.body ? kept : null;
}

function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches('textarea, select')) return true;
  return target.matches('input') && !['checkbox', 'radio', 'button', 'submit', 'reset'].includes(target.type);
}

function move(step) {
  const all = rows();
  if (all.length === 0) return false;
  const at = all.indexOf(current());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step))];
  opener(next)?.focus({ focusVisible: true });
  next.scrollIntoView({ block: 'nearest' });
  return true;
}

function tick(input, checked) {
  if (input.checked === checked) return;
  input.checked = checked;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

/** The head's box follows the rows. */
function follow(list) {
  const all = list.querySelector('[data-all]');
  if (!all) return;
  const found = boxes(list);
  const ticked = found.filter((input) => input.checked).length;
  all.checked = ticked > 0 && ticked === found.length;
  all.indeterminate = ticked > 0 && ticked < found.length;
}

function press(key) {
  const picked = document.querySelector('.picker:has(td input:checked) .picked');
  const scope = picked ?? current();
  const found = scope?.querySelector(`[data-key="${key}"]`)
    ?? (scope ? null : [...document.querySelectorAll(`[data-key="${key}"]`)].find((one) => !one.closest('[data-row], .picked')));
  if (!found) return false;
  found.click();
  return true;
}

function clear() {
  const ticked = [...document.querySelectorAll('.picker .pick input:checked')];
  for (const input of ticked) tick(input, false);
  return ticked.length > 0;
}

function help() {
  let dialog = document.getElementById('keys');
  if (!dialog) {
    dialog = document.createElement('dialog');
    dialog.className = 'dlg';
    dialog.id = 'keys';
    dialog.setAttribute('aria-labelledby', 'keys-h');
    const used = ([key]) => !['p', 'a', 's'].includes(key) || document.querySelector(`[data-key="${key}"]`);
    const said = (key) => document.querySelector(`[data-key="${key}"][data-key-words]`)?.dataset.keyWords;
    const own = document.querySelector('[data-key-words]') !== null;
    const shown = HELP.filter(used).filter(([key]) => !own || !PRESSED.includes(key) || said(key));
    const lines = shown.map(([one, other, words]) => [one, other, said(one) ?? words]).map(([one, other, words]) => `<div><dt><kbd>${one}</kbd>${other ? ` <kbd>${other}</kbd>` : ''}</dt><dd>${words}</dd></div>`);
    dialog.innerHTML = `<form method="dialog"><h2 id="keys-h">Keys</h2><dl class="kv">${lines.join('')}</dl><div class="acts"><button class="btn">Close</button></div></form>`;
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
  return true;
}

function act(event) {
  switch (event.key) {
    case 'j': return move(1);
    case 'k': return move(-1);
    case 'x': {
      const input = box(current());
      if (!input) return false;
      input.click();
      return true;
    }
    case 'o': {
      const link = opener(current());
      link?.click();
      return Boolean(link);
    }
    case 'Enter': {
      // A link or a button that has the focus does what it always does.
      if (document.activeElement?.matches('a, button, summary, input') ?? true) return false;
      const link = opener(current());
      link?.click();
      return Boolean(link);
    }
    case '/': {
      const field = document.querySelector('[data-filter]');
      field?.focus();
      field?.select();
      return Boolean(field);
    }
    case '?': return help();
    case 'Escape': return document.querySelector('details.menu[open], :popover-open') ? false : clear();
    default: return PRESSED.includes(event.key) && press(event.key);
  }
}

const keyed = () => document.querySelector('[data-row], [data-key], [data-filter], [data-list]') !== null;

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || document.querySelector('dialog[open]') || !keyed()) return;
  if (act(event)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

document.addEventListener('focusin', (event) => {
  const row = event.target.closest?.('[data-row]');
  if (row) last = row.id;
});

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('[data-keys]')) return void help();
  if (target?.closest('[data-clear]')) {
    event.preventDefault();
    return void clear();
  }
  const list = target?.closest('.picker');
  if (!list || !target.matches('.pick input')) return undefined;
  if (target.matches('[data-all]')) {
    for (const input of boxes(list)) tick(input, target.checked);
    return undefined;
  }
  const all = boxes(list);
  const [from, to] = [all.indexOf(box(document.getElementById(anchor))), all.indexOf(target)];
  if (event.shiftKey && from >= 0 && to >= 0) {
    for (const input of all.slice(Math.min(from, to), Math.max(from, to) + 1)) tick(input, target.checked);
  }
  anchor = target.closest('[data-row]')?.id ?? '';
  return undefined;
});

document.addEventListener('change', (event) => {
  const list = event.target.closest?.('.picker');
  if (list) follow(list);
});

/** What only works with a script is shown by it. */
function show() {
  for (const hidden of document.querySelectorAll('[data-all][hidden], [data-keys][hidden]')) hidden.hidden = false;
}
show();
document.addEventListener('htmx:after:swap', show);
