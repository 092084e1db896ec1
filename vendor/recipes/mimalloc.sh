# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# One object, not an archive: linked first, it is certain to take malloc's place.

"$CC" $CFLAGS -O3 -DNDEBUG -DMI_MALLOC_OVERRIDE -ftls-model=local-exec \
    -Iinclude -c src/static.c -o "$prefix/lib/mimalloc.o"
headers_from . include/mimalloc.h
license_from LICENSE
