/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"
#include "handler/echo/echo.h"
#include "http/validate.h"

/* A request to the built-in httpbin: queries, forms, files. Input: a line with method and path,
 * a line with the content type, then the body. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give_body(struct fuzz_world *w, struct end *front, struct str body) {
    while (body.n > 0 && front->x) {
        struct body *to = &front->x->request.body;
        ptrdiff_t n = body_write(to, body.p, body.n);
        check(n >= 0);
        body.p += n;
        body.n -= (size_t)n;
        fuzz_turn(w);
    }
    if (front->x)
        body_finish(&front->x->request.body);
}

static void ask(struct fuzz_world *w, struct str line, struct str type, struct str body) {
    struct str method = {0};
    struct end *front = &w->fronts[0];
    struct exchange *x = exchange_new(&w->env, front, &w->peer);
    check(x);
    str_cut(&line, ' ', &method);
    x->request.method = method;
    x->request.scheme = STR("https");
    x->request.authority = STR("a.example");
    x->request.path = line;
    if (request_problem(&x->request, true) || !valid_field_value(type)) {
        exchange_reset(front, REASON_CLIENT_CANCEL);
        return;
    }
    check(fields_add(&x->request.fields, STR("content-type"), type) == 0);
    exchange_start(x);
    fuzz_turn(w);
    give_body(w, front, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_world w;
    struct str rest = {(const char *)data, size}, line = {0}, type = {0};
    fuzz_world_init(&w);
    w.env.route = echo_open;
    str_cut(&rest, '\n', &line);
    str_cut(&rest, '\n', &type);
    ask(&w, line, type, rest);
    fuzz_turn(&w);
    fuzz_later(&w, 11 * SECOND_NS);
    fuzz_world_fini(&w);
    return 0;
}
