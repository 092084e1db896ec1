/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_OPTION_H
#define GATEWAY_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/turn.h"
#include "gateway/config/option_types.h"

/* The option table (option.def) as data, and the structs that come from it. */

enum option_kind {
    OPTION_SWITCH,
    OPTION_COUNT,
    OPTION_AUTO,
    OPTION_SIZE,
    OPTION_TIME,
    OPTION_TEXT,
    OPTION_FILE,
    OPTION_LIST,
    OPTION_LINES,
    OPTION_CHOICE,
    OPTION_ADDRESS,
    OPTION_INCLUDE,
};

enum option_section {
    SECTION_GATEWAY,
    SECTION_SERVER,
    SECTION_CREDENTIAL,
    SECTION_ROUTE,
    SECTION_UPSTREAM,
    N_SECTIONS,
};

#define OPTION_MEMBER(key, kind, member, ...) OPTION_TYPE_##kind member;
#define OPTION_NOTHING(...)

struct gateway_options {
#define GATEWAY OPTION_MEMBER
#define SERVER OPTION_NOTHING
#define CREDENTIAL OPTION_NOTHING
#define ROUTE OPTION_NOTHING
#define UPSTREAM OPTION_NOTHING
#include "gateway/config/option.def"
#undef GATEWAY
#undef SERVER
};

struct server_options {
#define GATEWAY OPTION_NOTHING
#define SERVER OPTION_MEMBER
#include "gateway/config/option.def"
#undef SERVER
#undef CREDENTIAL
};

struct credential_options {
#define SERVER OPTION_NOTHING
#define CREDENTIAL OPTION_MEMBER
#include "gateway/config/option.def"
#undef CREDENTIAL
#undef ROUTE
};

struct route_options {
#define CREDENTIAL OPTION_NOTHING
#define ROUTE OPTION_MEMBER
#include "gateway/config/option.def"
#undef ROUTE
#undef UPSTREAM
};

struct upstream_options {
#define ROUTE OPTION_NOTHING
#define UPSTREAM OPTION_MEMBER
#include "gateway/config/option.def"
#undef GATEWAY
#undef SERVER
#undef CREDENTIAL
#undef ROUTE
#undef UPSTREAM
};

struct option {
    enum option_section section;
    const char *key;
    enum option_kind kind;
    size_t offset;        /* of the member in its section's struct */
    const char *standard; /* the default, as text */
    uint64_t low, high;
    const char *flag, *value, *help;
};

/* A connection id's first byte names its worker, evenly enough among so many. */
enum { CONFIG_MAX_WORKERS = 64 };

extern const struct option options[];
extern const size_t n_options;

const char *section_name(enum option_section section);
/* NULL: no such section, key or flag; then the nearest is for the message (or NULL). */
const struct option *option_find(enum option_section section, struct str key,
                                 const char **ret_nearest);
const struct option *option_by_flag(struct str flag);

/* Sets every member of the section's struct to its default. Lists are empty. */
int option_defaults(enum option_section section, void *object, struct arena *arena);

/* Parses text into object's member; lists grow. 0, ERR_NO_MEMORY, or ERR_INVALID with a
 * sentence in problem ("must be between 1 and 65535, not \"0\""). Files are taken as given. */
int option_set(const struct option *o, void *object, struct str text, struct arena *arena,
               struct buf *problem);

/* The other way round, for dumps: appends the value as the file would have it; of LINES one a
 * line, each without its key. */
void option_print(const struct option *o, const void *object, struct buf *to);

#endif
