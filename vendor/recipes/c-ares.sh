# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

configure --disable-tests
make -C include install
make -C src/lib install
license_from LICENSE.md
