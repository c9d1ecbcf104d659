/** Adds one sentence to the page's status region. @param {string} text @param {string} tone */
export function toast(text, tone = 'run') {
  const region = document.querySelector('.toasts');
  if (!region) return;
  const sprite = document.documentElement.dataset.icons;
  const box = document.createElement('div');
  box.className = `toast ${tone}`;
  const svgNs = 'http://www.w3.org/2000/svg';
  const mark = document.createElementNS(svgNs, 'svg');
  mark.setAttribute('class', `mk ${tone}`);
  mark.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(svgNs, 'use');
  use.setAttribute('href', `${sprite}#${{ good: 's-ok', warn: 's-warn', bad: 's-fail' }[tone] ?? 's-info'}`);
  mark.append(use);
  const words = document.createElement('span');
  words.textContent = text;
  box.append(mark, words);
  region.replaceChildren(box);
  closable(box);
}

/** @param {Element} box */
function closable(box) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn quiet sm';
  button.textContent = 'Close';
  button.addEventListener('click', () => box.remove());
  box.append(button);
  if (!box.matches('.bad, .warn')) setTimeout(() => box.remove(), 8000);
}

for (const box of document.querySelectorAll('.toasts > .toast')) closable(box);
