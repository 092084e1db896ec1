# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

configure --enable-lib-only CFLAGS="$CFLAGS $lto"
make -C lib install
license_from COPYING
