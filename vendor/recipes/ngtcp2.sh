# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# libngtcp2 and its wolfSSL helper, libngtcp2_crypto_wolfssl. wolfSSL is told by hand: pkg-config
# would leave out -lm, and this way it isn't needed at all.
#
# No memory pools: each connection would have its own, of 16 streams, 16 frames and so on, and keep
# them. mimalloc is as quick, and an idle HTTP/3 connection holds 42 KiB instead of 59 (with nghttp3's).
#
# Gaps between the bytes of a stream or a handshake that are borne: ngtcp2's 4,000 take 27 MiB on
# 100 streams, and 315 KiB of a handshake that anybody may forge. A peer whose packets are full
# leaves at most one gap for each 2,400 bytes of a stream's window; a handshake has no window.

sed -i -e 's/\(strm_rob_heavily_fragmented(const ngtcp2_\)rob \*rob/\1strm *strm/' \
    -e 's/strm_rob_heavily_fragmented(strm->rx\.rob)/strm_rob_heavily_fragmented(strm)/' \
    -e 's:(&rob->gapksl) >= 4000:(\&strm->rx.rob->gapksl) >= 64 + strm->rx.window / 2048:' \
    lib/ngtcp2_strm.c
[ "$(grep -c 'heavily_fragmented(.*strm)\|>= 64 + strm->rx.window' lib/ngtcp2_strm.c)" = 3 ] ||
    die "ngtcp2 counts gaps in another way now; see vendor/recipes/ngtcp2.sh"

# An ACK goes with the data that is sent anyway (RFC 9000 13.2.1). ngtcp2 leaves that of a single
# packet out until an eighth of the round trip has passed, and then sends a packet for it; for a
# client, the stream of an answer that is there ends only then.

sed -i 's/&lfr\.ack, type, ts, conn_compute_ack_delay(conn),/\&lfr.ack, type, ts, vmsg ? 0 : conn_compute_ack_delay(conn),/' \
    lib/ngtcp2_conn.c
[ "$(grep -c 'vmsg ? 0 : conn_compute_ack_delay' lib/ngtcp2_conn.c)" = 1 ] ||
    die "ngtcp2 delays ACKs in another way now; see vendor/recipes/ngtcp2.sh"

configure --enable-lib-only --disable-mempool --with-wolfssl --without-openssl --without-gnutls \
    CFLAGS="$CFLAGS $lto" WOLFSSL_CFLAGS="-I$prefix/include" WOLFSSL_LIBS="-L$prefix/lib -lwolfssl -lm"
make -C lib install
make -C crypto install
license_from COPYING
