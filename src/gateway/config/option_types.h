/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_OPTION_TYPES_H
#define GATEWAY_OPTION_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

/* What an option of each kind becomes in its section's struct. */

struct strs {
    struct str *v;
    size_t n;
};

#define OPTION_TYPE_SWITCH bool
#define OPTION_TYPE_COUNT uint64_t
#define OPTION_TYPE_AUTO uint64_t
#define OPTION_TYPE_SIZE uint64_t
#define OPTION_TYPE_TIME uint64_t
#define OPTION_TYPE_TEXT struct str
#define OPTION_TYPE_FILE struct str
#define OPTION_TYPE_LIST struct strs
#define OPTION_TYPE_LINES struct strs
#define OPTION_TYPE_CHOICE int
#define OPTION_TYPE_ADDRESS struct addr
#define OPTION_TYPE_INCLUDE struct strs

#endif
