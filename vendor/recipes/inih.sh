# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The handler's type depends on INI_HANDLER_LINENO, so the header is installed with our values.

sed -i -E \
    -e 's/^(#define INI_HANDLER_LINENO) 0/\1 1/' \
    -e 's/^(#define INI_CALL_HANDLER_ON_NEW_SECTION) 0/\1 1/' \
    -e 's/^(#define INI_MAX_LINE) 200/\1 4096/' ini.h
[ "$(grep -cE '^#define INI_(HANDLER_LINENO 1|CALL_HANDLER_ON_NEW_SECTION 1|MAX_LINE 4096)$' ini.h)" = 3 ]
archive_of libinih.a ini.c
headers_from . ini.h
license_from LICENSE.txt
