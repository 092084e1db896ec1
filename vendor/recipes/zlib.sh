# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Deflate, inflate and checksums; without the gz* functions for files.

archive_of libz.a -D_LARGEFILE64_SOURCE=1 -DHAVE_UNISTD_H -DHAVE_STDARG_H -DHAVE_HIDDEN \
    adler32.c compress.c crc32.c deflate.c inffast.c inflate.c inftrees.c \
    trees.c uncompr.c zutil.c
headers_from . zlib.h zconf.h
license_from LICENSE
