// Menus are <details>: they close on Escape, on a click elsewhere, and when the focus leaves them.
const open = () => document.querySelectorAll('details.menu[open]');

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector('summary')?.focus();
  }
});

for (const kind of ['click', 'focusin']) {
  document.addEventListener(kind, (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
}

// A link to a page with a form opens the same form as a dialog, where the page holds one.
document.addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const link = event.target instanceof Element && event.target.closest('[data-dialog]');
  const dialog = link && document.getElementById(link.dataset.dialog);
  if (dialog instanceof HTMLDialogElement) {
    event.preventDefault();
    dialog.showModal();
    return;
  }
  if (event.target instanceof Element && event.target.closest('[data-close]')) event.target.closest('dialog')?.close();
});

// An error summary takes the focus, so that a reader hears it first.
document.getElementById('errors')?.focus();
