/**
 * The command palette: Ctrl+K or / opens a dialog that finds the pages of the navigation, and a scan by its number.
 * Its source is the navigation itself, so it never offers a page that is not there or not allowed.
 */
const dialog = document.getElementById('palette');

if (dialog instanceof HTMLDialogElement) {
  const input = dialog.querySelector('input');
  const hits = dialog.querySelector('.hits');
  const pages = [...document.querySelectorAll('#nav a[href^="/"]:not(.brand)')].map((link) => {
    const area = link.closest('details')?.querySelector('summary')?.firstElementChild?.nextSibling?.textContent?.trim();
    const name = link.dataset.name ?? link.textContent.trim();
    return { href: link.getAttribute('href'), name, area: area ?? '' };
  });
  let at = 0;

  const draw = () => {
    const q = input.value.trim().toLowerCase();
    const found = pages.filter((page) => `${page.area} ${page.name}`.toLowerCase().includes(q)).slice(0, 12);
    const number = /^#?(\d{1,18})$/.exec(q);
    if (number) found.unshift({ href: `/scans/${number[1]}`, name: `Scan #${number[1]}`, area: 'Scans' });
    at = Math.max(0, Math.min(at, found.length - 1));
    hits.replaceChildren(...found.map((page, index) => {
      const link = document.createElement('a');
      link.href = page.href;
      link.classList.toggle('on', index === at);
      const name = document.createElement('span');
      name.textContent = page.name;
      const area = document.createElement('span');
      area.className = 'end';
      area.textContent = page.area;
      link.append(name, area);
      return link;
    }));
    if (found.length === 0) {
      const none = document.createElement('p');
      none.className = 'help';
      none.textContent = 'Nothing by this name. A number finds a scan.';
      hits.replaceChildren(none);
    }
  };

  const show = () => {
    input.value = '';
    at = 0;
    draw();
    if (!dialog.open) dialog.showModal();
    input.focus();
  };

  for (const button of document.querySelectorAll('[data-palette]')) {
    button.hidden = false;
    button.addEventListener('click', show);
  }
  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if ((event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing)) {
      event.preventDefault();
      show();
    }
  });
  input.addEventListener('input', () => { at = 0; draw(); });
  dialog.addEventListener('keydown', (event) => {
    const links = hits.querySelectorAll('a');
    if (event.key === 'ArrowDown') at = Math.min(at + 1, links.length - 1);
    else if (event.key === 'ArrowUp') at = Math.max(at - 1, 0);
    else if (event.key === 'Enter') {
      event.preventDefault();
      links[at]?.click();
      return;
    } else return;
    event.preventDefault();
    links.forEach((link, index) => link.classList.toggle('on', index === at));
    links[at]?.scrollIntoView({ block: 'nearest' });
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
}
