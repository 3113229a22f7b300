# The part of prove.sh that runs on the clean Debian, after it has booted.
set -euo pipefail

ok() { printf '    well: %s\n' "$*"; }
# Waits until a condition holds, at most a minute.
until_true() {
    local what=$1
    shift
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then ok "$what"; return; fi
        sleep 0.1
    done
    printf '    FAILED: %s\n' "$what"
    journalctl --unit mailcupd --no-pager --lines 30 || :
    exit 1
}
holds() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then ok "$what"; else printf '    FAILED: %s\n' "$what"; exit 1; fi
}

holds 'systemd-analyze verify finds nothing in the unit' \
    bash -c '! systemd-analyze verify mailcupd.service 2>&1 | grep -i mailcupd'
holds 'the unit starts with the system' systemctl is-enabled mailcupd
until_true 'the service runs' systemctl is-active mailcupd
until_true 'it takes requests' curl --silent --fail http://127.0.0.1:8480/readyz
holds 'it reloads' systemctl reload mailcupd
holds 'it runs as the user mailcup' bash -c '[ "$(ps -o user= -C mailcupd)" = mailcup ]'
holds 'only that user reads the setup token' bash -c '[ "$(stat -c %U:%a /var/lib/mailcup/setup-token)" = mailcup:600 ]'
holds 'the journal holds no setup token' \
    bash -c '! journalctl --unit mailcupd --no-pager | grep --fixed-strings "$(cat /var/lib/mailcup/setup-token)"'
echo "    exposure: $(systemd-analyze security mailcupd.service --no-pager | tail -1)"

token=$(cat /var/lib/mailcup/setup-token)
curl --silent --fail --json @- http://127.0.0.1:8480/v1/setup >/dev/null <<JSON
{"token":"$token","organization":"Proof","domains":["example.org"],
 "owner":{"login":"owner@example.org","name":"Owner","email":"owner@example.org","password":"correct horse battery"},
 "device":{"id":"00112233445566778899aabbccddeeff","name":"proof"}}
JSON
ok 'it can be set up'
before=$(systemctl show --property MainPID --value mailcupd)
kill -KILL "$before"
restarted() { [ "$(systemctl show --property MainPID --value mailcupd)" != "$before" ] && curl --silent --fail http://127.0.0.1:8480/readyz; }
until_true 'killed, it is started again' restarted

useradd --create-home anna
cat > ~anna/open.sh <<'OPEN'
set -e
printf '\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
mailcup-console >/dev/null 2>&1 &
console=$!
for _ in $(seq 600); do
    if window=$(xdotool search --onlyvisible --name 'MailCup' 2>/dev/null | head -1) && [ -n "$window" ]; then break; fi
    kill -0 "$console"
    sleep 0.1
done
[ -n "$window" ]
# The page has drawn itself once there is more than one colour.
for _ in $(seq 300); do
    import -window root /tmp/console.png
    if [ "$(identify -format %k /tmp/console.png)" -gt 50 ]; then break; fi
    sleep 0.1
done
[ "$(identify -format %k /tmp/console.png)" -gt 50 ]
kill "$console"
wait "$console" || :
OPEN
chown anna ~anna/open.sh
runuser --login anna --command \
    'xvfb-run --auto-servernum --server-args="-screen 0 1280x800x24" dbus-run-session -- bash ~anna/open.sh'
cp /tmp/console.png /prove.png
ok 'the console opens its window for a user'
holds 'the console keeps its data in the home folder' test -s ~anna/.local/share/org.mailcup.console/console.json
holds 'the console has its icon and its entry in the menu' \
    test -e /usr/share/applications/org.mailcup.console.desktop -a -e /usr/share/icons/hicolor/128x128/apps/org.mailcup.console.png

said=$(apt-get remove -y mailcupd mailcup-console 2>&1)
holds 'removing stops the service' bash -c '! systemctl is-active mailcupd'
holds 'removing leaves the data' test -s /var/lib/mailcup/mailcup.db -a -s ~anna/.local/share/org.mailcup.console/console.json
holds 'and says where those of the service are' grep --fixed-strings /var/lib/mailcup <<< "$said"
holds 'and those of the console' grep --fixed-strings org.mailcup.console <<< "$said"
said=$(apt-get purge -y mailcupd mailcup-console 2>&1)
holds 'purging removes the configuration' test ! -e /etc/mailcup/mailcupd.toml
holds 'purging leaves the data, too' test -s /var/lib/mailcup/mailcup.db
touch /proved
