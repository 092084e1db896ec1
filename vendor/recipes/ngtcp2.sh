# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# libngtcp2 and its wolfSSL helper, libngtcp2_crypto_wolfssl. wolfSSL is told by hand: pkg-config
# would leave out -lm, and this way it isn't needed at all.

configure --enable-lib-only --with-wolfssl --without-openssl --without-gnutls \
    WOLFSSL_CFLAGS="-I$prefix/include" WOLFSSL_LIBS="-L$prefix/lib -lwolfssl -lm"
make -C lib install
make -C crypto install
license_from COPYING
