# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Encoder, decoder and what they share, in one archive.

archive_of libbrotli.a -Ic/include c/common/*.c c/dec/*.c c/enc/*.c
headers_from brotli c/include/brotli/*.h
license_from LICENSE
