/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/endpoint.h"

/* The start page: what there is, and over which version this page came. */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>h3gw</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 "
    "1rem}"
    "table{border-collapse:collapse}td{padding:.2rem 1.2rem .2rem 0;vertical-align:top}"
    "code,a{font-family:ui-monospace,monospace}b{padding:.1rem .5rem;border-radius:.4rem;"
    "background:#dfd}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}"
    "a{color:#8cf}b{background:#253}}</style>\n<h1>h3gw</h1>\n";

static const char tail[] =
    "</table>\n<p>Later requests of this page came over <b id=\"now\">…</b></p>\n<script>\n"
    "addEventListener('load',()=>fetch('/h3gw').then(r=>r.json()).then(f=>{"
    "document.getElementById('now').textContent=f.protocol;}));\n</script>\n</html>\n";

static void add_row(struct buf *b, const struct endpoint *p) {
    bool link =
        p->methods && strcmp(p->methods, "GET") == 0 && !str_ends(str_of(p->path), STR("/"));

    if (!p->what)
        return;
    buf_str(b, STR("<tr><td>"));
    if (link)
        buf_format(b, "<a href=\"%s\">%s</a>", p->path, p->path);
    else
        buf_format(b, "<code>%s%s</code>", p->path, str_ends(str_of(p->path), STR("/")) ? "N" : "");
    buf_format(b, "</td><td>%s</td></tr>\n", p->what);
}

void answer_page(struct echo *e) {
    struct buf b;

    buf_init(&b);
    buf_str(&b, str_of(head));
    buf_format(&b, "<p>This page came over <b>%s</b>. The echo answers at:</p>\n<table>\n",
               http_version_short(e->end.x->peer->version));
    for (size_t i = 0; i < e->n_table; i++)
        add_row(&b, &e->table[i]);
    buf_str(&b, str_of(tail));
    if (b.failed)
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, 200, STR("text/html; charset=utf-8"), buf_view(&b));
    buf_fini(&b);
}
