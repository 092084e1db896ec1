/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/max_forwards.h"

#include "base/err.h"
#include "http/reply.h"

static bool limited(const struct exchange *x, uint64_t *ret_hops) {
    const struct fields *f = &x->request.fields;
    struct str name = STR("max-forwards");

    if (!method_is(&x->request, "OPTIONS") && !method_is(&x->request, "TRACE"))
        return false;
    return fields_count(f, name) == 1 && !str_to_u64(fields_get(f, name), ret_hops);
}

/* TRACE is not answered with the request, as RFC 9110 9.3.8 would have it: what the gateway would
 * show are the fields that it has added itself. */
static void answer(struct exchange *x) {
    struct str methods = STR("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");

    if (fields_set_static(&x->response.fields, STR("allow"), methods))
        reply_error(x, 503, STR("out of memory"));
    else if (method_is(&x->request, "OPTIONS"))
        reply(x, 204, STR(""), STR(""));
    else
        reply_error(x, 405,
                    STR("Max-Forwards is 0, so TRACE ends here, and h3gw itself does not answer "
                        "it. Max-Forwards: 1 or none lets it reach the app."));
}

bool max_forwards_answer(struct exchange *x) {
    uint64_t hops;

    if (!limited(x, &hops))
        return false;
    struct str left = hops > 0 ? arena_u64(&x->arena, hops - 1) : STR("");
    if (hops == 0)
        answer(x);
    else if (!left.p || fields_set_static(&x->request.fields, STR("max-forwards"), left))
        reply_error(x, 503, STR("out of memory"));
    else
        return false;
    return true;
}
