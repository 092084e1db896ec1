# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# libngtcp2 and its wolfSSL helper, libngtcp2_crypto_wolfssl. wolfSSL is told by hand: pkg-config
# would leave out -lm, and this way it isn't needed at all.
#
# No memory pools: each connection would have its own, of 16 streams, 16 frames and so on, and keep
# them. mimalloc is as quick, and an idle HTTP/3 connection holds 42 KiB instead of 59 (with nghttp3's).

configure --enable-lib-only --disable-mempool --with-wolfssl --without-openssl --without-gnutls \
    WOLFSSL_CFLAGS="-I$prefix/include" WOLFSSL_LIBS="-L$prefix/lib -lwolfssl -lm"
make -C lib install
make -C crypto install
license_from COPYING
