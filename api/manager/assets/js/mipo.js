// Everything here improves a page that works without it. One custom element a file; no globals but htmx.
import './ago.js';
import './copy.js';
import './filter.js';
import './inline.js';
import './live.js';
import './menu.js';
import './rows.js';
import './palette.js';
import './say.js';
import './toast.js';
