#!/bin/sh
# Installs mipo-scanner: fetches the binary, checks its hash and signature, exchanges the one-time token for a key,
# and starts it. This script holds no secret.
#
#   curl -fsSL SERVER/scanner/install.sh | sudo sh -s -- --server SERVER --token TOKEN
set -eu

usage() {
    cat <<'HELP'
Installs mipo-scanner, exchanges the one-time token for a key, and starts it.

  --server URL    where mipo is
  --token TOKEN   the one-time token of the page "Add a scanner"; or by MIPO_SCANNER_TOKEN
  --sha256 HASH   the hash of the binary that the page shows; without it the signature is checked
  --allow CIDR    a network that may be probed although it is on the built-in deny list; may be repeated
  --no-service    start in the background, not as a service
  --help          this text

MIPO_SCANNER_PREFIX names a folder that takes everything (bin, etc, var) in place of the usual ones: then it starts in
the background. Without it root installs to /usr/local/bin, /etc/mipo-scanner and /var/lib/mipo-scanner and starts a
service, anybody else below their home folder.
HELP
}

SERVER='@SERVER@'
RELEASE_KEY='@RELEASE_KEY@'
TOKEN="${MIPO_SCANNER_TOKEN:-}"
SHA256=''
ALLOW=''
SERVICE=yes

fail() { printf 'mipo-scanner: %s\n' "$1" >&2; exit 1; }
say() { printf '%s\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

while [ $# -gt 0 ]; do
    case "$1" in
        --server) SERVER="${2:?--server needs an address}"; shift 2 ;;
        --token) TOKEN="${2:?--token needs a token}"; shift 2 ;;
        --sha256) SHA256="${2:?--sha256 needs the hash that the page shows}"; shift 2 ;;
        --allow) ALLOW="${ALLOW:+$ALLOW,}${2:?--allow needs a CIDR}"; shift 2 ;;
        --no-service) SERVICE=no; shift ;;
        --help) usage; exit 0 ;;
        *) fail "unknown option $1; known are --server, --token, --sha256, --allow, --no-service, --help" ;;
    esac
done
SERVER="${SERVER%/}"
[ -n "$SERVER" ] || fail 'say where the server is: --server https://mipo.example'
[ -n "$TOKEN" ] || fail 'say the one-time token of the page "Add a scanner": --token mipo_pt_...'

case "$(uname -s)" in
    Linux) platform=linux ;;
    Darwin) platform=darwin ;;
    *) fail "no release for $(uname -s)" ;;
esac
case "$(uname -m)" in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "no release for $(uname -m)" ;;
esac

if [ -n "${MIPO_SCANNER_PREFIX:-}" ]; then
    bin="$MIPO_SCANNER_PREFIX/bin" config="$MIPO_SCANNER_PREFIX/etc" state="$MIPO_SCANNER_PREFIX/var"
    SERVICE=no
elif [ "$(id -u)" = 0 ]; then
    bin=/usr/local/bin config=/etc/mipo-scanner state=/var/lib/mipo-scanner
else
    bin="$HOME/.local/bin" config="$HOME/.config/mipo-scanner" state="$HOME/.local/state/mipo-scanner"
    SERVICE=no
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT INT TERM

fetch() {
    if have curl; then
        curl -fsSL --proto '=http,https' "$1" -o "$2" || fail "cannot fetch $1"
    elif have wget; then
        wget -q "$1" -O "$2" || fail "cannot fetch $1"
    else
        fail 'curl or wget is needed'
    fi
}

say "Fetching the scanner for $platform/$arch from $SERVER"
url="$SERVER/scanner/binary/$platform/$arch"
fetch "$url" "$work/mipo-scanner"
fetch "$url/sha256" "$work/sha256"
fetch "$url/sig" "$work/sig"

if have sha256sum; then
    seen="$(sha256sum "$work/mipo-scanner" | cut -d' ' -f1)"
elif have shasum; then
    seen="$(shasum -a 256 "$work/mipo-scanner" | cut -d' ' -f1)"
else
    seen="$(openssl dgst -sha256 -r "$work/mipo-scanner" | cut -d' ' -f1)"
fi
[ "$seen" = "$(tr -d ' \r\n' <"$work/sha256")" ] || fail 'the hash of the fetched binary is not the published one'

if [ -n "$SHA256" ]; then
    [ "$seen" = "$SHA256" ] || fail 'the hash of the fetched binary is not the one given with --sha256'
    say 'Hash checked against --sha256'
elif [ -n "$RELEASE_KEY" ] && have openssl && have base64; then
    printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$RELEASE_KEY" >"$work/key.pem"
    base64 -d <"$work/sig" >"$work/sig.bin" 2>/dev/null || base64 -D <"$work/sig" >"$work/sig.bin"
    openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/mipo-scanner" \
        -sigfile "$work/sig.bin" >/dev/null 2>&1 ||
        fail 'the signature does not verify (openssl 3 is needed); or give the hash of the page with --sha256'
    say 'Hash and signature checked'
else
    fail 'the signature cannot be checked here (no release key, or no openssl); give the hash of the page with --sha256'
fi

mkdir -p "$bin" "$config" "$state/spool"
chmod 700 "$config" "$state"
install -m 755 "$work/mipo-scanner" "$bin/mipo-scanner" 2>/dev/null ||
    { cp "$work/mipo-scanner" "$bin/mipo-scanner" && chmod 755 "$bin/mipo-scanner"; }
say "Installed $bin/mipo-scanner ($("$bin/mipo-scanner" --version))"

# The token goes by the environment: the list of processes is read by others.
MIPO_SCANNER_TOKEN="$TOKEN" "$bin/mipo-scanner" enrol --server "$SERVER" --key-file "$config/key.json"

if [ "$SERVICE" = yes ] && [ -d /run/systemd/system ] && have systemctl; then
    cat >/etc/systemd/system/mipo-scanner.service <<UNIT
[Unit]
Description=mipo scanner
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$bin/mipo-scanner run --key-file $config/key.json --spool-dir $state/spool
Environment=MIPO_SCANNER_ALLOW=$ALLOW
Restart=always
RestartSec=5
LimitNOFILE=1048576
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=$config $state

[Install]
WantedBy=multi-user.target
UNIT
    [ -n "$ALLOW" ] || sed -i '/^Environment=MIPO_SCANNER_ALLOW=$/d' /etc/systemd/system/mipo-scanner.service
    systemctl daemon-reload
    systemctl enable --now mipo-scanner
    say 'Started as service mipo-scanner; its log: journalctl -u mipo-scanner'
else
    [ -z "$ALLOW" ] || export MIPO_SCANNER_ALLOW="$ALLOW"
    nohup "$bin/mipo-scanner" run --key-file "$config/key.json" --spool-dir "$state/spool" \
        >"$state/log" 2>&1 </dev/null &
    say "Started in the background (process $!), until this machine restarts; its log: $state/log"
    say "To start it again: $bin/mipo-scanner run --key-file $config/key.json --spool-dir $state/spool"
fi
