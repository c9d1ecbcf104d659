// The setup link carries its token in the fragment, which no server and no log ever sees. It goes into the field, and
// out of the address, so that it does not stay in the history.
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const field = document.getElementById('f-token');
if (token && field) {
  field.value = token;
  history.replaceState(null, '', location.pathname);
}
