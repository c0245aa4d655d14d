#!/usr/bin/env bash
# Puts Prometheus and its promtool into a folder of programs: promtool.sh BIN
#
# Installed ones are taken. Else they come out of Debian's package, which is fetched and unpacked, not installed: no
# server starts. Where there is neither it says so and goes on: without them the tests of the alerts are skipped.
set -euo pipefail

bin=$1
package=prometheus

go_without() {
    echo "promtool: $1, so the tests of the alerts are skipped. Install Prometheus, and run \`make deploy-tools\` again" >&2
    exit 0
}

found=$(command -v promtool || true)
server=$(command -v prometheus || true)
if [ -n "$found" ] && [ -n "$server" ]; then
    ln -sf "$found" "$bin/promtool"
    ln -sf "$server" "$bin/prometheus"
    exit
fi
command -v apt-get > /dev/null || go_without 'not installed, and no apt-get to fetch it with'
if ! apt-cache show "$package" > /dev/null 2>&1; then
    apt-get update --quiet=2 || go_without 'not installed, and apt-get cannot update its lists'
fi
folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet=2 -o APT::Sandbox::User=root "$package" || go_without 'not installed, and apt-get cannot fetch it'
dpkg-deb --extract ./*.deb unpacked
cd "$OLDPWD"
install "$folder/unpacked/usr/bin/promtool" "$folder/unpacked/usr/bin/prometheus" "$bin"
