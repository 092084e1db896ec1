/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/admin.h"

#include "base/err.h"
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
    status = page->write(page->context, &body);
    /* What was true a moment ago is of no use to a probe. */
    if (body.failed ||
        fields_set_static(&x->response.fields, STR("cache-control"), STR("no-store")))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, status, str_of(page->type), buf_view(&body));
    buf_fini(&body);
}

void admin_open(struct exchange *x, const struct admin_page *pages, size_t n) {
    const struct admin_page *page = find(pages, n, message_path_only(&x->request));
    bool reads = method_is(&x->request, "GET") || method_is(&x->request, "HEAD");

    if (!page)
        not_found(x, pages, n);
    else if (reads)
        answer(x, page);
    else if (fields_set_static(&x->response.fields, STR("allow"), STR("GET, HEAD")))
        reply_error(x, 503, STR("out of memory"));
    else
        reply_error(x, 405, STR("this page can only be read"));
}
