/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function) {
    fprintf(stderr, "h3gw: this is a bug: %s:%d: %s: %s does not hold\n", file, line, function,
            condition);
    abort();
}
