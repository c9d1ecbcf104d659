/**
 * <mipo-live> stands in the bar. It opens the page's one stream (htmx's SSE extension) for all topics that the page's
 * regions name in data-live, and fetches a region anew when one of its topics is heard.
 *
 * A region:  <div id="running" data-live="scans alarms">…</div>
 *   id          stable; the server answers the page's URL with this region alone (request header HX-Target)
 *   data-live   topics, each `topic` or `topic:id`
 *   data-src    optional: the address that answers the region, when it is not the page's own
 *   data-every  optional: seconds between fetches while nothing is heard (for figures that move without an event)
 *
 * Regions with ticked rows, with the focus in a field, or with an open menu wait until that is over.
 */
import { toast } from './toast.js';

const QUIET = 700; // at most one fetch a region in this many milliseconds
const regions = () => [...document.querySelectorAll('[data-live]')];
const topicsOf = (region) => region.dataset.live.split(/\s+/).filter(Boolean);

const STATES = {
  live: ['Live', 'good', 'Pause live updates'],
  paused: ['Paused', 'warn', 'Resume live updates'],
  reconnecting: ['Reconnecting', 'warn', 'Pause live updates'],
  stale: ['Stale', 'bad', 'Pause live updates'],
};

class Live extends HTMLElement {
  /** Regions that were heard of and are not fetched yet. */
  #waiting = new Map();
  #state = 'reconnecting';
  #button = null;
  #lost = 0;
  #poll = 0;

  connectedCallback() {
    const topics = [...new Set(regions().flatMap(topicsOf))].sort();
    if (topics.length === 0 || this.#button) return;
    this.#draw();
    this.addEventListener('changed', (event) => this.#heard(event.detail.data));
    this.addEventListener('refresh', () => this.#all());
    this.addEventListener('htmx:sse:after:connection', (event) => this.#connected(event.detail.connection.status));
    this.addEventListener('htmx:sse:error', (event) => this.#broken(event.detail.status));
    this.addEventListener('htmx:sse:close', () => this.#broken());
    this.addEventListener('htmx:sse:before:connection', (event) => {
      if (event.detail.connection.attempt > 0) this.#broken();
    });
    document.addEventListener('change', () => this.#flush());
    document.addEventListener('focusout', () => setTimeout(() => this.#flush()));
    document.addEventListener('toggle', () => this.#flush(), true);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#flush(); });

    const query = new URLSearchParams({ topics: topics.join(','), since: this.dataset.since ?? '' });
    this.setAttribute('hx-sse:connect', `/live?${query}`);
    window.htmx.process(this, true);
    this.#poll = setInterval(() => this.#every(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#poll);
  }

  #draw() {
    this.#button = document.createElement('button');
    this.#button.type = 'button';
    this.#button.addEventListener('click', () => {
      if (this.#state === 'paused') {
        this.#show(this.#lost ? 'reconnecting' : 'live');
        this.#all();
      } else {
        this.#show('paused');
      }
    });
    this.append(this.#button);
    this.#show('reconnecting');
  }

  #show(state) {
    this.#state = state;
    const [word, tone, title] = STATES[state];
    this.#button.className = `btn quiet live ${tone}`;
    this.#button.title = title;
    const icon = `${document.documentElement.dataset.icons}#${{ live: 's-open', paused: 's-hold', reconnecting: 's-wait', stale: 's-late' }[state]}`;
    this.#button.innerHTML = `<svg aria-hidden="true"><use href="${icon}"/></svg><span>${word}</span>`;
  }

  #connected(status) {
    if (status !== 200) return this.#broken(status);
    const again = this.#lost;
    this.#lost = 0;
    if (this.#state !== 'paused') this.#show('live');
    // What happened meanwhile comes by Last-Event-ID, or as "refresh"; nothing to do here.
    if (again && Date.now() - again > 30_000) toast('Live again. The page shows the current state.', 'good');
  }

  #broken(status) {
    if (status === 401) {
      location.reload();
      return;
    }
    this.#lost ||= Date.now();
    if (this.#state === 'paused') return;
    this.#show(Date.now() - this.#lost > 60_000 ? 'stale' : 'reconnecting');
  }

  #heard(data) {
    let heard;
    try {
      heard = JSON.parse(data);
    } catch {
      return this.#all();
    }
    for (const region of regions()) {
      if (topicsOf(region).some((t) => t === heard.topic || t === `${heard.topic}:${heard.id}`)) this.#want(region.id);
    }
    this.#flush();
  }

  #all() {
    for (const region of regions()) this.#want(region.id);
    this.#flush();
  }

  #every() {
    if (document.hidden || this.#state === 'paused') return;
    for (const region of regions()) {
      const seconds = Number(region.dataset.every ?? 0);
      const last = Number(region.dataset.fetched ?? performance.timeOrigin);
      if (seconds > 0 && Date.now() - last >= seconds * 1000) this.#want(region.id);
    }
    this.#flush();
  }

  #want(id) {
    if (!this.#waiting.has(id)) this.#waiting.set(id, 'asked');
    else if (this.#waiting.get(id) === 'running') this.#waiting.set(id, 'again');
  }

  #flush() {
    if (this.#state === 'paused' || document.hidden) return;
    for (const [id, state] of this.#waiting) {
      if (state === 'asked') this.#fetch(id);
    }
  }

  /** True while somebody works in the region. */
  #busy(region) {
    return region.querySelector('.pick input:checked, details.menu[open], :popover-open, dialog[open]') !== null
      || (region.contains(document.activeElement) && document.activeElement.matches('input, select, textarea'));
  }

  async #fetch(id) {
    const region = document.getElementById(id);
    if (!region) return this.#waiting.delete(id);
    if (this.#busy(region)) return undefined;
    this.#waiting.set(id, 'running');
    const started = Date.now();
    // The answer is the region as its own page has it, which needs no address; here it still does.
    const { src } = region.dataset;
    try {
      await window.htmx.ajax('GET', src ?? location.pathname + location.search, { source: region, target: region, swap: 'outerMorph' });
    } catch {
      this.#broken();
    }
    const now = document.getElementById(id);
    if (now) {
      now.dataset.fetched = String(Date.now());
      if (src) now.dataset.src = src;
    }
    const rest = Math.max(0, QUIET - (Date.now() - started));
    setTimeout(() => {
      const again = this.#waiting.get(id) === 'again';
      this.#waiting.delete(id);
      if (again) {
        this.#want(id);
        this.#flush();
      }
    }, rest);
    return undefined;
  }
}

customElements.define('mipo-live', Live);
