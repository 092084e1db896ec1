/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/endpoint.h"

/* The start page: over which version it came, what the connection agreed on, and what there is
 * to try. One text without further files, so that it works over a connection that is looked at. */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>h3gw</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
    "viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%23264'/%3E%3Cpath "
    "d='M3 4h4v8H3M9 4h4v8H9' fill='none' stroke='%23fff' stroke-width='1.5'/%3E%3C/svg%3E\">\n"
    "<style>\n"
    ":root{color-scheme:light dark;--line:#8884;--soft:#777;--good:#264;--link:#06c}\n"
    "@media(prefers-color-scheme:dark){:root{--soft:#999;--good:#3a6;--link:#8cf}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2.5rem auto;padding:0 1rem}\n"
    "h1{margin:0;font-size:1.6rem}h2{font-size:1rem;margin:2rem 0 .5rem;color:var(--soft)}\n"
    "p{margin:.5rem 0}table{border-collapse:collapse;width:100%}\n"
    "td{padding:.25rem 1rem .25rem 0;border-top:1px solid var(--line);vertical-align:top}\n"
    "td:first-child{width:12rem}td,code{overflow-wrap:anywhere}\n"
    "code,a{font-family:ui-monospace,monospace;font-size:.95em}a{color:var(--link)}\n"
    "b{padding:.1rem .55rem;border-radius:.4rem;background:var(--good);color:#fff}\n"
    "</style>\n<h1>h3gw</h1>\n";

static const char facts[] =
    "<p>Requests of this page now go over <b id=\"now\">…</b></p>\n"
    "<p id=\"hint\" hidden>Browsers do not use HTTP/3 with a certificate authority of one's own, "
    "even a trusted one, unless they are told to: start one with the <code>browser</code> line "
    "that <code>h3gw serve</code> prints.</p>\n"
    "<h2>This connection</h2>\n<table id=\"facts\"></table>\n"
    "<h2>What the built-in httpbin answers</h2>\n<table>\n";

static const char tail[] =
    "</table>\n<script>\n"
    "const put = (name, value) => {\n"
    "  if (value === null || value === undefined || value === '') return;\n"
    "  const row = document.getElementById('facts').insertRow();\n"
    "  row.insertCell().textContent = name;\n"
    "  row.insertCell().textContent = value;\n"
    "};\n"
    "fetch('/h3gw').then(r => r.json()).then(f => {\n"
    "  document.getElementById('now').textContent = f.protocol;\n"
    "  document.getElementById('hint').hidden = f.protocol === 'h3';\n"
    "  put('TLS', [f.tls.version, f.tls.cipher].filter(x => x).join(' '));\n"
    "  put('key agreement', f.tls.group);\n"
    "  put('server name', f.tls.sni);\n"
    "  put('resumed', f.tls.resumed ? 'yes' : 'no');\n"
    "  put('handshake', f.handshake_ms.toFixed(1) + ' ms');\n"
    "  put('you', f.client);\n"
    "  if (!f.quic) return;\n"
    "  put('QUIC version', f.quic.version);\n"
    "  put('connection id', f.quic.connection_id);\n"
    "  put('round trip', f.quic.smoothed_rtt_ms.toFixed(2) + ' ms');\n"
    "  put('packets', f.quic.packets_received + ' in, ' + f.quic.packets_sent + ' out, '\n"
    "    + f.quic.packets_lost + ' lost');\n"
    "}).catch(e => { document.getElementById('now').textContent = e.message; });\n"
    "</script>\n</html>\n";

/* What to click on where the path wants more. */
static const struct {
    const char *path, *more;
} examples[] = {
    {"/bytes/", "16?seed=1"},
    {"/delay/", "1"},
    {"/status/", "418"},
    {"/stream/", "3"},
};

static const char *example_of(const struct endpoint *p) {
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(p->path, examples[i].path) == 0)
            return examples[i].more;
    return "";
}

static void add_row(struct buf *b, const struct endpoint *p) {
    const char *more = example_of(p);

    if (!p->what)
        return;
    buf_str(b, STR("<tr><td>"));
    if (!p->methods || strcmp(p->methods, "GET") == 0)
        buf_format(b, "<a href=\"%s%s\">%s%s</a>", p->path, more, p->path, more[0] ? "N" : "");
    else
        buf_format(b, "<code>%s</code>", p->path);
    buf_format(b, "</td><td>%s</td></tr>\n", p->what);
}

void answer_page(struct echo *e) {
    struct buf b;

    buf_init(&b);
    buf_str(&b, str_of(head));
    buf_format(&b, "<p>This page came over <b>%s</b></p>\n",
               http_version_text(e->end.x->peer->version));
    buf_str(&b, str_of(facts));
    for (size_t i = 0; i < e->n_table; i++)
        add_row(&b, &e->table[i]);
    buf_str(&b, str_of(tail));
    if (b.failed)
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, 200, STR("text/html; charset=utf-8"), buf_view(&b));
    buf_fini(&b);
}
