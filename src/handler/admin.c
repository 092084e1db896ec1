/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/admin.h"

#include "base/addr.h"
#include "base/err.h"
#include "http/authority.h"
#include "http/reply.h"

static const struct admin_page *find(const struct admin_page *pages, size_t n, struct str path) {
    for (size_t i = 0; i < n; i++)
        if (str_starts(path, str_of(pages[i].path)))
            return &pages[i];
    return NULL;
}

static void not_found(struct exchange *x, const struct admin_page *pages, size_t n) {
    struct buf text;

    buf_init(&text);
    buf_str(&text, STR("here are only:"));
    for (size_t i = 0; i < n; i++)
        buf_format(&text, " %s", pages[i].path);
    reply_error(x, 404, text.failed ? STR("") : buf_view(&text));
    buf_fini(&text);
}

static void answer(struct exchange *x, const struct admin_page *page) {
    struct buf body;
    int status;

    buf_init(&body);
    status = page->write(page->context, x, &body);
    /* What was true a moment ago is of no use to a probe. */
    if (body.failed ||
        fields_set_static(&x->response.fields, STR("cache-control"), STR("no-store")))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, status, str_of(page->type), buf_view(&body));
    buf_fini(&body);
}

/* By an address, or as this machine: no name that somebody else can let lead here. */
static bool is_asked_plainly(const struct exchange *x) {
    struct str host;
    struct addr literal;
    uint16_t port;

    if (fields_has(&x->request.fields, STR("origin")) ||
        authority_split(x->request.authority, &host, &port))
        return false;
    return str_ieq(host, STR("localhost")) || !addr_from_ip(host, 0, &literal);
}

static bool is_method_of(const struct exchange *x, const struct admin_page *page) {
    if (page->acts)
        return method_is(&x->request, "POST");
    return method_is(&x->request, "GET") || method_is(&x->request, "HEAD");
}

static void refuse_method(struct exchange *x, const struct admin_page *page) {
    struct str allow = page->acts ? STR("POST") : STR("GET, HEAD");

    if (fields_set_static(&x->response.fields, STR("allow"), allow))
        reply_error(x, 503, STR("out of memory"));
    else
        reply_error(x, 405,
                    page->acts ? STR("this is asked for with POST")
                               : STR("this page can only be read"));
}

void admin_open(struct exchange *x, const struct admin_page *pages, size_t n) {
    const struct admin_page *page = find(pages, n, message_path_only(&x->request));

    if ((page ? page : pages)->guarded && !is_asked_plainly(x))
        reply_error(x, 403,
                    STR("the admin answers no web pages, and to no names but localhost and "
                        "addresses"));
    else if (!page)
        not_found(x, pages, n);
    else if (!is_method_of(x, page))
        refuse_method(x, page);
    else
        answer(x, page);
}
