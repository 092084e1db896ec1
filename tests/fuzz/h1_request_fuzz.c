/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "fuzz/fuzz_world.h"
#include "h1_drive.h"
#include "http/validate.h"
#include "proto/h1/h1.h"

/* An HTTP/1.1 server and a client that says anything. Input: a byte that says how
 * (h1_drive.h), then the bytes.
 *
 * Beyond crashes: a request that gets through is one that every version would let through. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const struct exchange *x) {
    const struct message *m = &x->request;
    check(request_problem(m, false) == NULL);
    for (size_t i = 0; i < m->fields.n; i++) {
        const struct field *f = &m->fields.v[i];
        check(valid_field_name(f->name) && valid_field_value(f->value));
        check(!field_is_hop_by_hop(f->name) && !str_eq(f->name, STR("host")));
        check(!str_eq(f->name, STR("content-length")));
    }
}

static void route(struct exchange *x) {
    check_request(x);
    fuzz_route(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct h1_drive d;
    if (size == 0)
        return 0;
    h1_drive_init(&d);
    d.env.route = route;
    d.engine = h1_server_new(&d.env, &d.peer);
    check(d.engine);
    h1_drive_run(&d, data + 1, size - 1, data[0]);
    h1_drive_fini(&d);
    return 0;
}
