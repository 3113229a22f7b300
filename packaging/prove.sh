#!/usr/bin/env bash
# Installs the packages in FOLDER on a clean Debian, boots it, and sees that the service runs under its unit, that
# the console opens, and that removing both leaves the data and says where. Needs root, debootstrap and
# systemd-nspawn; reaches nothing but Debian's mirror. A picture of the console is kept in FOLDER.
set -euo pipefail

folder=$(realpath "${1:?usage: prove.sh FOLDER}")
here=$(dirname "$(realpath "$0")")
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
root=$(mktemp -d /var/tmp/mailcup-clean-debian-XXXXXX)
chmod 755 "$root"
trap 'umount --quiet "$root/proc" || :; rm -rf --one-file-system "$root"' EXIT

say() { printf '==> %s\n' "$*"; }

say "A clean Debian $suite"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates "$suite" "$root" "$mirror" >/dev/null
cp /etc/resolv.conf "$root/etc/resolv.conf"

say 'Install what the proof itself needs, then the packages'
mkdir "$root/packages"
cp "$folder"/mailcupd_*.deb "$folder"/mailcup-console_*.deb "$root/packages/"
mount -t proc proc "$root/proc"
install() {
    chroot "$root" sh -c "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $1" \
        >"$root/install.log" 2>&1 || { cat "$root/install.log" >&2; exit 1; }
}
install 'curl xvfb xauth xdotool imagemagick gnome-keyring procps'
install './packages/*.deb'
grep -E '^(mailcup|Setting up mailcup|Created symlink)' "$root/install.log"
umount "$root/proc"

say 'Boot it'
cp "$here/prove-inside.sh" "$root/prove.sh"
cat > "$root/etc/systemd/system/prove.service" <<UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
ExecStart=/bin/bash /prove.sh
StandardOutput=append:/prove.log
StandardError=inherit
TimeoutStartSec=800
[Install]
WantedBy=graphical.target
UNIT
mkdir -p "$root/etc/systemd/system/graphical.target.wants"
ln -s ../prove.service "$root/etc/systemd/system/graphical.target.wants/prove.service"
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 900 systemd-nspawn --directory "$root" --boot --register=no --keep-unit \
    --private-network --quiet >/dev/null 2>&1 || :
cat "$root/prove.log"
cp "$root/prove.png" "$folder/console-on-a-clean-debian.png" 2>/dev/null || :
[ -e "$root/proved" ] || { echo 'error: the packages are NOT proved; see above' >&2; exit 1; }
say 'The packages are proved'
