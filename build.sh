#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   ./build.sh                builds ./h3gw
#   ./build.sh serve [ARGS]   builds it and runs h3gw serve ARGS
#   ./build.sh test           builds it and runs every test
#
# From a fresh Debian machine on: what is missing is installed with apt, the libraries are fetched
# and built once (into ${XDG_CACHE_HOME:-~/.cache}/h3gw), the rest is make's incremental work.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

TO_BUILD=(
    gcc libc6-dev make binutils      # the compiler
    autoconf automake libtool        # wolfSSL's tarball has no configure script
    xz-utils ca-certificates         # to unpack sources, and to fetch those over https
)
TO_TEST=(
    libcmocka-dev                    # unit and wire tests
    python3 python3-pytest           # end-to-end tests, and the gates in scripts/
    nodejs openssl curl file strace  # what these tests start
    clang-format                     # scripts/format
    chromium libnss3-tools           # the browser, and its store of trusted certificates
)

say() { printf '[build] %s\n' "$*" >&2; }
die() { printf '[build] error: %s\n' "$*" >&2; exit 1; }

# missing PACKAGE…: those that are not installed.
missing() {
    local installed
    # shellcheck disable=SC2016
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2> /dev/null |
        sed -n 's/^installed //p' | sort -u) || true # it fails when one is not known
    printf '%s\n' "$@" | sort -u | comm -23 - <(echo "$installed")
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" > "$log" 2>&1; }

need() {
    local packages
    if ! command -v dpkg-query > /dev/null; then
        say "this is not Debian; needed are what Debian calls: $*"
        return
    fi
    mapfile -t packages < <(missing "$@")
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        die "these packages are missing. As root: apt-get install ${packages[*]}"
    fi
    say "installing ${packages[*]}"
    log=$(mktemp)
    # Package lists may be absent or stale; only then are they read anew.
    if ! apt_install "${packages[@]}"; then
        apt-get update > "$log" 2>&1 || { cat "$log" >&2; say "apt-get update had errors"; }
        apt_install "${packages[@]}" || { cat "$log" >&2; die "apt-get could not install: ${packages[*]}"; }
    fi
    rm -f "$log"
}

build() {
    "$top/vendor/build" "$@"
    make --no-print-directory -C "$top" -j"$(nproc)" >&2
}

run_tests() {
    cd "$top"
    if [ -x scripts/test-tools ]; then scripts/test-tools; fi
    local status=0
    make --no-print-directory -j"$(nproc)" --output-sync=target check || status=1
    # Debian's Python by name: it is the one that python3-pytest belongs to.
    if compgen -G 'tests/e2e/test_*.py' > /dev/null; then
        /usr/bin/python3 -m pytest -q tests/e2e || status=1
        make --no-print-directory e2e-asan || status=1
    fi
    return $status
}

case ${1:-} in
'')
    need "${TO_BUILD[@]}"
    build release
    ;;
serve)
    need "${TO_BUILD[@]}"
    build release
    exec "$top/h3gw" "$@" # from where the user stands: ARGS may name files
    ;;
test)
    need "${TO_BUILD[@]}" "${TO_TEST[@]}"
    build release asan
    run_tests
    ;;
*)
    sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
