/**
 * The command palette: Ctrl+K or / opens a dialog that finds the pages of the navigation, and a scan by its number.
 * Its source is the navigation itself, so it never offers a page that is not there or not allowed. The focus stays in
 * the field; the chosen hit is named to readers by aria-activedescendant.
 */
const dialog = document.getElementById('palette');

if (dialog instanceof HTMLDialogElement) {
  const input = dialog.querySelector('input');
  const hits = dialog.querySelector('.hits');
  const none = dialog.querySelector('.none');
  const pages = [...document.querySelectorAll('#nav a[href^="/"]:not(.brand)')].map((link) => {
    const area = link.closest('details')?.querySelector('summary')?.firstElementChild?.nextSibling?.textContent?.trim();
    const name = link.dataset.name ?? link.textContent.trim();
    return { href: link.getAttribute('href'), name, area: area ?? '' };
  });
  let at = 0;

  const choose = () => {
    const links = [...hits.children];
    links.forEach((link, index) => link.setAttribute('aria-selected', String(index === at)));
    if (links.length > 0) input.setAttribute('aria-activedescendant', links[at].id);
    else input.removeAttribute('aria-activedescendant');
    links[at]?.scrollIntoView({ block: 'nearest' });
  };

  const draw = () => {
    const q = input.value.trim().toLowerCase();
    const found = pages.filter((page) => `${page.area} ${page.name}`.toLowerCase().includes(q)).slice(0, 12);
    const number = /^#?(\d{1,18})$/.exec(q);
    if (number) found.unshift({ href: `/scans/${number[1]}`, name: `Scan #${number[1]}`, area: 'Scans' });
    at = Math.max(0, Math.min(at, found.length - 1));
    hits.replaceChildren(...found.map((page, index) => {
      const link = document.createElement('a');
      link.href = page.href;
      link.id = `hit-${index}`;
      link.role = 'option';
      link.tabIndex = -1;
      const name = document.createElement('span');
      name.textContent = page.name;
      const area = document.createElement('span');
      area.className = 'end';
      area.textContent = page.area;
      link.append(name, area);
      return link;
    }));
    hits.hidden = found.length === 0;
    input.setAttribute('aria-expanded', String(found.length > 0));
    none.textContent = found.length === 0 ? 'Nothing by this name. A number finds a scan.' : '';
    choose();
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
    if (event.defaultPrevented) return;
    const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if ((event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing)) {
      event.preventDefault();
      show();
    }
  });
  input.addEventListener('input', () => { at = 0; draw(); });
  dialog.addEventListener('keydown', (event) => {
    const links = hits.children;
    if (event.key === 'ArrowDown') at = Math.min(at + 1, links.length - 1);
    else if (event.key === 'ArrowUp') at = Math.max(at - 1, 0);
    else if (event.key === 'Enter') {
      event.preventDefault();
      links[at]?.click();
      return;
    } else return;
    event.preventDefault();
    choose();
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
}
