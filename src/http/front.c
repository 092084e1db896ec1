/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/front.h"

#include "base/err.h"
#include "http/reply.h"
#include "http/validate.h"

void front_share_budget(struct exchange *x, struct body_budget *responses) {
    struct body *body = &x->response.body;
    body->limit = body->limit / 4 * 3;
    body_join_budget(body, responses);
}

enum reason front_start(struct exchange *x, int verdict, const char *problem) {
    uint64_t limit = x->env->limits->request_body_bytes;
    if (x->refusal)
        return REASON_NONE; /* it was too late already */
    if (verdict == ERR_INVALID)
        reply_error(x, 400, str_of(problem));
    else if (verdict == ERR_LIMIT)
        reply_error(x, 431, STR("The request's header is larger than this gateway takes."));
    else if (verdict != 0)
        return REASON_NO_MEMORY;
    else if (method_is(&x->request, "CONNECT") && x->request.protocol.n == 0)
        reply_error(x, 501, str_of(connect_refusal));
    else if (limit > 0 && x->request.content_length > (int64_t)limit)
        return REASON_TOO_LARGE;
    else
        exchange_start(x);
    return REASON_NONE;
}

struct informational *front_take_informational(struct exchange *x, bool *continued) {
    struct informational *info;
    while ((info = exchange_take_informational(x)) && info->status == 100) {
        if (*continued || !x->request.expect_continue)
            continue;
        *continued = true;
        break;
    }
    return info;
}
