// The setup link carries its token in the fragment, which no server and no log ever sees. It goes into the field, and
// out of the address, so that it does not stay in the history. A refused form is another page: the token waits for it in
// this tab's storage, and goes with the tab.
const KEPT = 'mipo-setup-token';
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const field = document.getElementById('f-token');
const refused = document.getElementById('errors') !== null;
if (!refused) sessionStorage.removeItem(KEPT);
if (field instanceof HTMLInputElement) {
  field.value ||= token ?? sessionStorage.getItem(KEPT) ?? '';
  if (token) history.replaceState(null, '', location.pathname);
  field.form?.addEventListener('submit', () => sessionStorage.setItem(KEPT, field.value));
}
