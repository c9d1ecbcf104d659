/**
 * <mipo-live> stands in the bar. It opens the page's one stream (htmx's SSE extension) for all topics that the page's
 * regions name in data-live, and fetches a region anew when one of its topics is heard.
 *
 * A region:  <div id="running" data-live="scans alarms">…</div>
 *   id          stable; the server answers the page's URL with this region alone (request header HX-Target)
 *   data-live   topics, each `topic` or `topic:id`
 *   data-src    optional: the address that answers the region, when it is not the page's own
 *   data-every  optional: seconds between fetches while nothing is heard (for figures that move without an event)
 *   data-quiet  optional: at most one fetch in this many milliseconds
 *
 * Regions with ticked rows, with a row that is edited, with the focus in a field, or with an open menu wait until that is over. While the stream is
 * away, every region is fetched in the interval that the menu offers. A fetch that fails is tried again.
 */
import { toast } from './toast.js';

const QUIET = 700;
const INTERVALS = [5, 10, 30, 60];
const KEPT_INTERVAL = 'mipo-refresh-seconds';
/** The stream, or a region, may be away this long before the page says so. */
const PATIENCE = 10_000;

const regions = () => [...document.querySelectorAll('[data-live]')];
const topicsOf = (region) => region.dataset.live.split(/\s+/).filter(Boolean);
const wait = (attempt, longest) => Math.min(longest, 1000 * 2 ** attempt) * (0.7 + Math.random() * 0.6);

/** Word, tone, icon and what it means. */
const STATES = {
  live: ['Live', 'good', 's-open', 'Changes show by themselves.'],
  paused: ['Paused', 'warn', 's-hold', 'Nothing is fetched until you resume.'],
  reconnecting: ['Reconnecting', 'warn', 's-wait', 'The live stream is being opened.'],
  timed: ['Timed', 'warn', 's-wait', 'There is no live stream; the page is fetched again in the interval below.'],
  stale: ['Stale', 'bad', 's-late', 'The page could not be fetched again; it is tried on.'],
};

class Live extends HTMLElement {
  /** Regions that were heard of and are not fetched yet: id to `asked`, `running` or `again`. */
  #waiting = new Map();
  /** Regions whose last fetch failed: id to how often, and when to try again. */
  #failed = new Map();
  #paused = false;
  #streaming = false;
  /** Since when there is no stream, and since when no region could be fetched; 0 when all is well. */
  #lost = Date.now();
  #failing = 0;
  /** The server says that this page gets no stream: no use to ask again. */
  #refused = false;
  #attempt = 0;
  #interval = INTERVALS[1];
  #menu = null;
  #shown = '';
  #poll = 0;

  connectedCallback() {
    const topics = [...new Set(regions().flatMap(topicsOf))].sort();
    if (topics.length === 0 || this.#menu) return;
    const kept = Number(localStorage.getItem(KEPT_INTERVAL));
    if (INTERVALS.includes(kept)) this.#interval = kept;
    this.#draw();
    this.addEventListener('changed', (event) => this.#heard(event.detail.data));
    this.addEventListener('refresh', () => this.#all());
    this.addEventListener('htmx:sse:after:connection', (event) => this.#connected(event.detail.connection.status));
    this.addEventListener('htmx:sse:error', (event) => this.#broken(event.detail.status));
    // The extension comes back by itself once there was a stream; not when the first answer was none.
    this.addEventListener('htmx:sse:close', (event) => this.#unopened(event.detail.reason === 'removed' ? 404 : 0));
    this.addEventListener('htmx:error', () => this.#unopened(0));
    this.addEventListener('htmx:response:error', (event) => this.#unopened(event.detail.ctx.response.status));
    this.addEventListener('htmx:sse:before:connection', (event) => {
      if (event.detail.connection.attempt > 0) this.#broken();
    });
    document.addEventListener('change', () => this.#flush());
    document.addEventListener('focusout', () => setTimeout(() => this.#flush()));
    document.addEventListener('toggle', () => this.#flush(), true);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#every(); });

    const query = new URLSearchParams({ topics: topics.join(','), since: this.dataset.since ?? '' });
    this.setAttribute('hx-sse:connect', `/live?${query}`);
    window.htmx.process(this, true);
    this.#poll = setInterval(() => this.#every(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#poll);
  }

  #draw() {
    this.#menu = document.createElement('details');
    this.#menu.className = 'menu';
    const summary = document.createElement('summary');
    const list = document.createElement('div');
    const item = (words, act) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'item';
      button.textContent = words;
      button.addEventListener('click', () => {
        act();
        this.#menu.open = false;
        summary.focus();
      });
      list.append(button);
      return button;
    };
    const about = document.createElement('p');
    about.className = 'help item';
    list.append(about);
    item('Pause updates', () => this.#pause(!this.#paused)).dataset.pause = '';
    for (const seconds of INTERVALS) {
      const words = `Without a stream, every ${seconds} s`;
      item(words, () => this.#choose(seconds)).dataset.seconds = String(seconds);
    }
    this.#menu.append(summary, list);
    this.append(this.#menu);
    this.#show();
  }

  #pause(paused) {
    this.#paused = paused;
    this.#show();
    if (!paused) this.#all();
  }

  #choose(seconds) {
    this.#interval = seconds;
    localStorage.setItem(KEPT_INTERVAL, String(seconds));
    this.#show();
  }

  #state() {
    if (this.#paused) return 'paused';
    if (this.#failing) return Date.now() - this.#failing > PATIENCE ? 'stale' : 'reconnecting';
    if (this.#streaming) return 'live';
    return this.#refused || Date.now() - this.#lost > PATIENCE ? 'timed' : 'reconnecting';
  }

  #show() {
    const state = this.#state();
    const key = `${state} ${this.#interval}`;
    if (this.#shown === key) return;
    this.#shown = key;
    const [word, tone, icon, meaning] = STATES[state];
    const words = state === 'timed' ? `Every ${this.#interval} s` : word;
    const summary = this.#menu.querySelector('summary');
    summary.className = `btn quiet live ${tone}`;
    summary.title = meaning;
    const href = `${document.documentElement.dataset.icons}#${icon}`;
    summary.innerHTML = `<svg aria-hidden="true"><use href="${href}"/></svg><span>${words}</span>`;
    this.#menu.querySelector('p').textContent = meaning;
    this.#menu.querySelector('[data-pause]').textContent = this.#paused ? 'Resume updates' : 'Pause updates';
    for (const button of this.#menu.querySelectorAll('[data-seconds]')) {
      button.setAttribute('aria-pressed', String(Number(button.dataset.seconds) === this.#interval));
    }
  }

  #connected(status) {
    if (status !== 200) return this.#broken(status);
    const away = this.#lost ? Date.now() - this.#lost : 0;
    this.#streaming = true;
    this.#lost = 0;
    this.#attempt = 0;
    this.#show();
    // What happened meanwhile comes by Last-Event-ID, or as "refresh"; nothing to do here.
    if (away > 30_000) toast('Live again. The page shows the current state.', 'good');
    return undefined;
  }

  #broken(status) {
    if (status === 401) return location.reload();
    this.#streaming = false;
    this.#lost ||= Date.now();
    this.#show();
    return undefined;
  }

  /** There is no stream, and the extension does not try again: do it here. */
  #unopened(status) {
    this.#broken(status);
    if (status >= 400 && status < 500 && ![401, 408, 429].includes(status)) {
      this.#refused = true;
      return this.#show();
    }
    setTimeout(() => {
      if (!this.isConnected || this.#streaming) return;
      window.htmx.ajax('GET', this.getAttribute('hx-sse:connect'), { source: this, swap: 'none' });
    }, wait(this.#attempt, 60_000));
    this.#attempt += 1;
    return undefined;
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
    return this.#flush();
  }

  #all() {
    for (const region of regions()) this.#want(region.id);
    this.#flush();
  }

  #every() {
    this.#show();
    if (document.hidden || this.#paused) return;
    for (const region of regions()) {
      let seconds = Number(region.dataset.every ?? 0);
      if (!this.#streaming) seconds = Math.min(seconds || this.#interval, this.#interval);
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
    if (this.#paused || document.hidden) return;
    for (const [id, state] of this.#waiting) {
      if (state === 'asked' && (this.#failed.get(id)?.at ?? 0) <= Date.now()) this.#fetch(id);
    }
  }

  /** True while somebody works in the region. */
  #busy(region) {
    return region.querySelector('.pick input:checked, details.menu[open], :popover-open, dialog[open], [data-inline]') !== null
      || (region.contains(document.activeElement) && document.activeElement.matches('input, select, textarea'));
  }

  async #fetch(id) {
    const region = document.getElementById(id);
    if (!region) {
      this.#failed.delete(id);
      return this.#waiting.delete(id);
    }
    if (this.#busy(region)) return undefined;
    this.#waiting.set(id, 'running');
    const started = Date.now();
    // The answer is the region as its own page has it, which needs no address; here it still does.
    const { src } = region.dataset;
    const folded = new Map([...region.querySelectorAll('details[id]')].map((details) => [details.id, details.open]));
    const status = await this.#ask(region, src ?? location.pathname + location.search);
    if (status === 401) return location.reload();
    const now = document.getElementById(id);
    if (now) {
      now.dataset.fetched = String(Date.now());
      if (src) now.dataset.src = src;
      for (const details of now.querySelectorAll('details[id]')) details.open = folded.get(details.id) ?? details.open;
    }
    this.#judge(id, status);
    const rest = Math.max(0, Number(region.dataset.quiet ?? QUIET) - (Date.now() - started));
    setTimeout(() => this.#done(id), rest);
    return undefined;
  }

  /** Fetches and swaps. Gives the status of the answer, or 0 when there was none. */
  async #ask(region, address) {
    let status = 200;
    const refused = (event) => { status = event.detail.ctx.response.status; };
    const failed = () => { status = 0; };
    region.addEventListener('htmx:response:error', refused);
    region.addEventListener('htmx:error', failed);
    try {
      await window.htmx.ajax('GET', address, { source: region, target: region, swap: 'outerMorph' });
    } catch {
      status = 0;
    } finally {
      region.removeEventListener('htmx:response:error', refused);
      region.removeEventListener('htmx:error', failed);
    }
    return status;
  }

  /** A fetch that failed for no reason of its own is tried again; one that is refused is not. */
  #judge(id, status) {
    if (status === 0 || status === 429 || status >= 500) {
      const times = (this.#failed.get(id)?.times ?? 0) + 1;
      this.#failed.set(id, { times, at: Date.now() + wait(times, 30_000) });
      this.#failing ||= Date.now();
    } else {
      this.#failed.delete(id);
      if (this.#failed.size === 0) this.#failing = 0;
    }
    this.#show();
  }

  #done(id) {
    const again = this.#waiting.get(id) === 'again' || this.#failed.has(id);
    this.#waiting.delete(id);
    if (again) {
      this.#want(id);
      this.#flush();
    }
  }
}

customElements.define('mipo-live', Live);
