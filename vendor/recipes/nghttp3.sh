# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Without memory pools, as ngtcp2; it has no switch for it.

configure --enable-lib-only CFLAGS="$CFLAGS $lto -DNOMEMPOOL"
make -C lib install
license_from COPYING
