# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# --enable-keylog-export is never right: it writes every connection's secrets to a file unasked.
# HAVE_SECRET_CALLBACK gives the key log callback. The tarball comes without a configure script.
#
# NO_KEEP_PEER_CERT: --enable-quic brings the OpenSSL layer, whose WOLFSSL has 5 KiB of room for the
# peer's certificate, shown or not. tls/session.c keeps it when there is one.

# pre_shared_key has to be the last extension (RFC 8446 4.2.11). wolfSSL looks for it at the head of a
# list to which a HelloRetryRequest has added since: it would refuse every client with a ticket that
# has to say its ClientHello again.

sed -i 's/if (pskExt != NULL && ssl->extensions != pskExt)/if (pskExt != NULL \&\& ssl->extensions != pskExt \&\& ssl->options.serverState != SERVER_HELLO_RETRY_REQUEST_COMPLETE)/' \
    src/tls13.c
[ "$(grep -c 'pskExt && ssl->options.serverState != SERVER_HELLO_RETRY' src/tls13.c)" = 1 ] ||
    die "wolfSSL looks for the last extension in another way now; see vendor/recipes/wolfssl.sh"

case $assembly-$(uname -m) in
yes-x86_64) speed='--enable-intelasm --enable-aesni --enable-sp=yes,asm --enable-sp-asm' ;;
yes-aarch64) speed='--enable-armasm --enable-sp=yes,asm --enable-sp-asm' ;;
*) speed='--enable-sp=yes --disable-asm' ;;
esac

./autogen.sh
configure --disable-examples --disable-crypttests --disable-silent-rules \
    --enable-quic --enable-tls13 --disable-oldtls --enable-session-ticket --enable-earlydata \
    --enable-sni --enable-alpn --enable-supportedcurves \
    --enable-keygen --enable-certgen --enable-certext --enable-certreq --enable-altcertchains \
    --enable-curve25519 --enable-ed25519 --enable-ecc --enable-hkdf \
    --enable-aesgcm=4bit --enable-aesecb --enable-chacha --enable-poly1305 \
    --disable-crl --disable-ocsp --enable-harden $speed \
    CFLAGS="$CFLAGS -DWOLFSSL_ALT_NAMES -DWOLFSSL_CUSTOM_OID -DHAVE_OID_ENCODING -DHAVE_SECRET_CALLBACK -DNO_KEEP_PEER_CERT"
make
make install
cat LICENSING COPYING > license
license_from license
