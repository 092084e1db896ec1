/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/args.h"
#include "base/buf.h"
#include "gateway/config/config_objects.h"
#include "gateway/config/config_source.h"

/* What the gateway is to be: read from a file and those that it includes, or from flags, checked
 * as a whole, immutable from then on. All that is wrong is told at once, each with its place, file
 * by file and in the order of their lines.
 *
 *   config_init -> config_read_file | config_read_flags -> config_check -> used -> config_fini */

/* One that was read, or should have been. */
struct config_file {
    struct str path, real;            /* as it is shown; the same however it is reached */
    struct config_place place;        /* that includes it; of the main file: nowhere */
    const struct config_file *parent; /* in which that is */
    unsigned depth;                   /* of the main file 0 */
};

struct config {
    struct arena arena;
    const struct config_source *source; /* config_disk, unless changed before the reading */
    struct config_file **files;         /* in the order of reading, the main file first */
    size_t n_files;
    struct strs folders; /* in which patterns of `include` look */
    struct gateway_options gateway;
    struct config_place gateway_place;
    struct config_listens http_redirect;
    struct addr admin; /* n 0: off, or admin_auto: a socket of the process' own */
    bool admin_auto;
    /* Arrays of pointers, in the order of the file. */
    struct config_server **servers;
    struct config_credential **credentials;
    struct config_route **routes;
    struct config_upstream **upstreams;
    size_t n_servers, n_credentials, n_routes, n_upstreams;
    struct buf *errors;        /* a line each, with its newline */
    struct config_mark *marks; /* where they stand in there, the last first */
    bool access_log_given;
};

int config_init(struct config *c, struct buf *errors);
void config_fini(struct config *c);

/* Adds what the file says, and those that it includes. 0, or negative with at least one line in
 * errors (none when memory ended). */
int config_read_file(struct config *c, const char *path);

/* The flags of `h3gw serve`, from the option table. */
enum { MAX_FLAGS = 96 };
struct config_flags {
    struct args_row rows[MAX_FLAGS];
    struct args_table table;
};
void config_flags_init(struct config_flags *flags);

/* Adds what the flags say; file_read: --config was read before, so that flags which make
 * servers or routes are wrong usage. 0, ERR_INVALID (wrong usage, told in errors). */
int config_read_flags(struct config *c, const struct args *args, bool file_read);

/* References, addresses, URLs, doubles. 0 or ERR_INVALID; nothing may be started then. */
int config_check(struct config *c);

/* What a running gateway watches, as a change may mean another configuration: the files that were
 * read (also one that was not there), the folders that patterns look into (with "/" at the end),
 * and the files of the credentials. Also of a configuration with errors. 0 or ERR_NO_MEMORY. */
int config_watched(const struct config *c, struct arena *arena, struct strs *ret_paths);

/* 0, ERR_INVALID when there are errors, ERR_NO_MEMORY when one of them could not be told. */
int config_verdict(const struct config *c);

/* Is s mirrored as HTTP/3? Its own word counts, else that of [gateway]; never when TLS ends
 * elsewhere. */
bool config_http3(const struct config *c, const struct config_server *s);

/* Does TLS end at its upstream (tls = passthrough)? */
bool config_passthrough(const struct config_server *s);

/* May it stand in a route whose answer is ROUTE_TUNNEL? */
bool config_is_for_tunnels(const struct option *o);

/* ---- for those who read it ---- */
/* The object of that kind and name, new with defaults; its options go through
 * option_set(…, options, …), and the lines they stand in are added to its place. */
struct config_object {
    void *options;
    struct config_place *place;
};
int config_add(struct config *c, enum option_section section, struct str name,
               struct config_place place, struct config_object *ret_object);
/* Where the section of that kind and name stands; NULL: there is none. */
const struct config_place *config_find(const struct config *c, enum option_section section,
                                       struct str name);
/* ": did you mean X?", or nothing, for a name that no section of the kind has. */
const char *config_hint(struct config *c, enum option_section section, struct str name);
/* The main file as a whole; nowhere when there is none. */
struct config_place config_main(const struct config *c);
/* The first line of that option of the section, or of the section itself. */
struct config_place config_at(struct config_place section, const char *key);
/* The line that has the i-th item of that list. */
struct config_place config_at_item(struct config_place section, const char *key, size_t i);
/* How a message at `from` names another place: "line 12", or "more.ini:12". */
struct str config_where(struct config *c, struct config_place from, struct config_place place);
/* "dev.ini:12: [server x] listen: …"; without memory errors->failed says that there was one. */
void config_error(struct config *c, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
