/**
 * <mipo-filter data-keys="status queue …" data-status="dead done …">
 *   <input name="q">
 * </mipo-filter>
 * Completes the word at the caret: names of keys first, then the values that are known of a key. The focus stays in the
 * field; the chosen word is named to readers by aria-activedescendant. Without a script the field is a field.
 */
const MOST = 12;

class Filter extends HTMLElement {
  #input;
  #list;
  #at = -1;

  connectedCallback() {
    this.#input = this.querySelector('input');
    if (!this.#input || this.#list) return;
    this.#list = document.createElement('div');
    this.#list.className = 'hints';
    this.#list.id = `${this.#input.id}-hints`;
    this.#list.setAttribute('role', 'listbox');
    this.#list.setAttribute('aria-label', 'Completions');
    this.#list.hidden = true;
    this.append(this.#list);
    const set = (name, value) => this.#input.setAttribute(name, value);
    set('role', 'combobox');
    set('aria-autocomplete', 'list');
    set('aria-expanded', 'false');
    set('aria-controls', this.#list.id);
    this.#input.addEventListener('input', () => this.#draw());
    this.#input.addEventListener('click', () => this.#draw());
    this.#input.addEventListener('focus', () => this.#draw());
    this.#input.addEventListener('blur', () => this.#hide());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    // Before the field loses the focus.
    this.#list.addEventListener('mousedown', (event) => {
      event.preventDefault();
      const option = event.target.closest('[role="option"]');
      if (option) this.#take(option.dataset.word);
    });
  }

  /** The word at the caret: where it begins, and what of it stands before the caret. */
  #word() {
    const end = this.#input.selectionStart ?? this.#input.value.length;
    const before = this.#input.value.slice(0, end);
    if ((before.match(/"/g) ?? []).length % 2 === 1) return null;
    const start = before.search(/\S*$/);
    return { start, end, text: before.slice(start) };
  }

  /** Where the piece begins that a completion takes the place of, and the words for it. */
  #offers() {
    const word = this.#word();
    if (!word) return { words: [] };
    const minus = word.text.startsWith('-') ? 1 : 0;
    const colon = word.text.indexOf(':');
    if (colon < 0) {
      const typed = word.text.slice(minus);
      const words = this.dataset.keys.split(' ').filter((key) => key.startsWith(typed)).map((key) => `${key}:`);
      return { from: word.start + minus, to: word.end, typed, words };
    }
    const key = word.text.slice(minus, colon);
    const values = this.dataset[key === 'state' ? 'status' : key]?.split(' ') ?? [];
    const after = Math.max(colon, word.text.lastIndexOf(',')) + 1;
    const typed = word.text.slice(after);
    const words = values.filter((value) => value.startsWith(typed) && value !== typed);
    return { from: word.start + after, to: word.end, typed, words };
  }

  #draw() {
    if (document.activeElement !== this.#input) return this.#hide();
    const { words } = this.#offers();
    this.#at = -1;
    this.#list.replaceChildren(...words.slice(0, MOST).map((word, index) => {
      const option = document.createElement('div');
      option.id = `${this.#list.id}-${index}`;
      option.setAttribute('role', 'option');
      option.setAttribute('aria-selected', 'false');
      option.dataset.word = word;
      option.textContent = word;
      return option;
    }));
    this.#list.hidden = words.length === 0;
    this.#input.setAttribute('aria-expanded', String(words.length > 0));
    this.#input.removeAttribute('aria-activedescendant');
    return undefined;
  }

  #hide() {
    this.#list.hidden = true;
    this.#at = -1;
    this.#input.setAttribute('aria-expanded', 'false');
    this.#input.removeAttribute('aria-activedescendant');
  }

  #choose(at) {
    const options = [...this.#list.children];
    this.#at = (at + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute('aria-selected', String(index === this.#at)));
    this.#input.setAttribute('aria-activedescendant', options[this.#at].id);
    options[this.#at].scrollIntoView({ block: 'nearest' });
  }

  #take(word) {
    const { from, to } = this.#offers();
    this.#input.setRangeText(word + (word.endsWith(':') ? '' : ' '), from, to, 'end');
    this.#draw();
  }

  #key(event) {
    if (this.#list.hidden || this.#list.children.length === 0) return;
    const chosen = this.#list.children[this.#at];
    if (event.key === 'ArrowDown') this.#choose(this.#at + 1);
    else if (event.key === 'ArrowUp') this.#choose(this.#at < 0 ? -1 : this.#at - 1);
    else if (event.key === 'Escape') this.#hide();
    else if ((event.key === 'Enter' || event.key === 'Tab') && chosen) this.#take(chosen.dataset.word);
    else return;
    event.preventDefault();
  }
}

customElements.define('mipo-filter', Filter);
