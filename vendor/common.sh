# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What fetch, build and prefix share: places, messages, the lock, the sets and their flags.

vendor=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/h3gw
sources=$cache/sources
export vendor cache sources

say() { printf '[vendor] %s\n' "$*" >&2; }
die() { printf '[vendor] error: %s\n' "$*" >&2; exit 1; }

# lock_rows: the rows of the lock without comments.
lock_rows() { grep -Ev '^(#|$)' "$vendor/lock"; }

# lock_row NAME: sets version licence archive sha256 debian suite upstream.
lock_row() {
    local row
    row=$(lock_rows | awk -v name="$1" '$1 == name')
    [ -n "$row" ] || die "vendor/lock has no library '$1'"
    # shellcheck disable=SC2034
    read -r _ version licence archive sha256 debian suite upstream <<< "$row"
}

sha256_is() { [ -f "$1" ] && [ "$(sha256sum < "$1" | cut -d' ' -f1)" = "$2" ]; }

# set_flags SET: CC, CFLAGS, LDFLAGS, `assembly` and `lto` of a set.
#   release  what ships
#   asan     address sanitizer, for make check
#   tsan     thread sanitizer; the libraries too, or their atomics look like races
#   fuzz     clang with libFuzzer's coverage and without assembly, so that fuzzing sees branches
set_flags() {
    local hardening=-fcf-protection
    [ "$(uname -m)" = aarch64 ] && hardening=-mbranch-protection=standard
    CC=gcc LDFLAGS='' assembly=yes lto=''
    case $1 in
    # lto: for the protocols' libraries, as a packet takes hundreds of small functions of several
    # files. Link-time optimization, ours with it, is a seventh of an answer's time over HTTP/3.
    release) lto='-flto -ffat-lto-objects' CFLAGS="-O2 -g0 -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2 $hardening" ;;
    asan) CFLAGS="-O1 -g -fno-omit-frame-pointer -fPIE -fsanitize=address" LDFLAGS=-fsanitize=address ;;
    tsan) CFLAGS="-O1 -g -fno-omit-frame-pointer -fPIE -fsanitize=thread" LDFLAGS=-fsanitize=thread ;;
    fuzz) CC=clang assembly=no CFLAGS="-O1 -g -fno-omit-frame-pointer -fPIE -fsanitize=address,fuzzer-no-link" LDFLAGS=-fsanitize=address ;;
    *) die "no set '$1': release, asan, tsan or fuzz" ;;
    esac
    export CC CFLAGS LDFLAGS assembly lto
}

# set_libraries SET: the names of the libraries in it. Sanitizers bring their own malloc.
set_libraries() {
    if [ "$1" = release ]; then lock_rows; else lock_rows | grep -v '^mimalloc '; fi | cut -d' ' -f1
}

# set_prefix SET: where the built set is. The name covers everything that shapes the result.
set_prefix() {
    local hash
    set_flags "$1"
    command -v "$CC" > /dev/null || die "no compiler '$CC'. On Debian: apt-get install $CC"
    hash=$({
        echo "$CC $CFLAGS $LDFLAGS $assembly $lto $("$CC" -dumpmachine) $("$CC" --version | head -n 1)"
        lock_rows | awk '{ print $1, $2, $5 }'
        cat "$vendor"/recipes/*.sh
    } | sha256sum | cut -c1-12)
    echo "$cache/$1-$hash"
}
