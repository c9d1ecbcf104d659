/**
 * <mipo-copy for="id of the text"></mipo-copy>
 * A button that copies the text of another element. Without a script there is no button, and the text can be selected.
 */
class Copy extends HTMLElement {
  connectedCallback() {
    if (this.firstElementChild) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn quiet sm';
    button.textContent = 'Copy';
    const what = this.getAttribute('label');
    if (what) button.setAttribute('aria-label', `Copy ${what}`);
    button.addEventListener('click', () => this.copy(button));
    this.append(button);
  }

  /** @param {HTMLButtonElement} button */
  async copy(button) {
    const source = document.getElementById(this.getAttribute('for') ?? '');
    if (!source) return;
    try {
      await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
      button.textContent = 'Copied';
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      const selection = getSelection();
      selection?.removeAllRanges();
      selection?.addRange(range);
      button.textContent = 'Selected';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }
}

customElements.define('mipo-copy', Copy);
