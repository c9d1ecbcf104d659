/**
 * Editing in the row. The server draws the row with its fields (`?edit=ID`); here Escape leaves it without saving, and a
 * double click on a cell of an editable column opens the row that it is in.
 */
const leave = () => document.querySelector('[data-inline] [data-cancel]');

// A browser moves the focus to the row that the address names, so its first field has to be asked for.
document.querySelector('[data-edits] [autofocus]')?.focus();

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return;
  const cancel = leave();
  if (!cancel || !document.activeElement?.closest('tr')?.contains(cancel)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  cancel.click();
}, true);

document.addEventListener('dblclick', (event) => {
  const cell = event.target instanceof Element ? event.target.closest('[data-edits]') : null;
  if (!cell || leave() || event.target.closest('a, button, input')) return;
  cell.closest('tr')?.querySelector('a[data-edit]')?.click();
});
