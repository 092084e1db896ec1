/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "base/err.h"
#include "http/uri.h"
#include "http/validate.h"

/* URLs as users write them, and the parts of a request's head. Input: up to five lines; the
 * first is a URL too.
 *
 * Beyond crashes: what parses is right by the rules that requests are judged by, and means the
 * same when it is written again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct arena *a, const struct uri *u) {
    struct uri again;
    const char *problem = NULL;
    struct str text = arena_format(a, STR_FMT "://" STR_FMT STR_FMT, STR_ARG(u->scheme),
                                   STR_ARG(u->authority), STR_ARG(u->path));
    check(uri_parse(a, text, &again, &problem) == 0);
    check(str_eq(again.host, u->host) && again.port == u->port);
    check(str_eq(again.authority, u->authority) && str_eq(again.path, u->path));
}

static void url(struct arena *a, struct str text) {
    struct uri u;
    const char *problem = NULL;
    int err = uri_parse(a, text, &u, &problem);
    if (err != 0) {
        check(err == ERR_INVALID && problem);
        return;
    }
    if (str_eq(u.scheme, STR("unix")))
        return;
    check(valid_authority(u.authority) && valid_path(u.path) && u.port > 0);
    for (size_t i = 0; i < u.host.n; i++)
        check(u.host.p[i] < 'A' || u.host.p[i] > 'Z');
    write_again(a, &u);
}

static void query(struct arena *a, struct str text) {
    struct str rest = text, name, value;
    while (query_next(&rest, &name, &value)) {
        struct str decoded = uri_decode(a, value, true);
        check(decoded.p && decoded.n <= value.n);
        check(name.n + value.n <= text.n);
    }
    (void)query_get(a, text, STR("a"), &value);
}

static void head(const struct str part[5]) {
    struct message m = {.method = part[0],
                        .scheme = part[1],
                        .authority = part[2],
                        .path = part[3],
                        .protocol = part[4]};
    struct str host;
    uint16_t port;
    const char *problem = request_problem(&m, true);
    if (!problem && !method_is(&m, "CONNECT")) {
        check(valid_authority(m.authority) && authority_split(m.authority, &host, &port) == 0);
        check(message_path_only(&m).n > 0);
        (void)message_query(&m);
    }
    (void)request_problem(&m, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = {(const char *)data, size}, part[5] = {{0}};
    struct arena a;
    arena_init(&a, NULL, 0);
    for (int i = 0; i < 5 && str_cut(&rest, '\n', &part[i]); i++) {
    }
    url(&a, part[0]);
    query(&a, part[0]);
    head(part);
    arena_fini(&a);
    return 0;
}
