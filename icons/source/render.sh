#!/bin/sh
# Draws all icons from their sources. Needs librsvg2-bin, icoutils and icnsutils.
set -eu
cd "$(dirname "$0")"
png() { rsvg-convert --width "$2" --height "$2" --output "$3" "$1"; }

png app.svg 32 ../32x32.png
png app.svg 128 ../128x128.png
png app.svg 256 ../128x128@2x.png
png app.svg 512 ../icon.png
for state in well attention critical offline locked; do
  png "tray-$state.svg" 32 "../tray/$state.png"
  png "tray-$state.svg" 64 "../tray/$state@2x.png"
done

parts=$(mktemp -d)
trap 'rm -r "$parts"' EXIT
for size in 16 24 32 48 64 128 256 512; do png app.svg "$size" "$parts/$size.png"; done
(cd "$parts" && icotool --create --output icon.ico 16.png 24.png 32.png 48.png 64.png --raw=256.png \
  && png2icns icon.icns 16.png 32.png 48.png 128.png 256.png 512.png >/dev/null)
mv "$parts/icon.ico" "$parts/icon.icns" ..
