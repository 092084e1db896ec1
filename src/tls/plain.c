/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/plain.h"

#include <string.h>

bool plain_is_http(struct str input) {
    return input.n > 0 && input.p[0] >= 'A' && input.p[0] <= 'Z';
}

static bool all_of(struct str s, const char *allowed) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || !strchr(allowed, c)))
            return false;
    }
    return s.n > 0;
}

/* Host and path only where nothing in them could be taken for something else. */
static void add_url(struct str input, struct buf *to) {
    struct str line, word, path = {0}, host = {0};
    if (!str_cut(&input, '\n', &line))
        return;
    if (str_cut(&line, ' ', &word))
        (void)str_cut(&line, ' ', &path);
    while (host.n == 0 && str_cut(&input, '\n', &line))
        if (str_istarts(line, STR("host:")))
            host = (struct str){line.p + 5, line.n - 5};
    if (host.n > 0 && host.p[host.n - 1] == '\r')
        host.n--;
    host = str_trim(host);
    if (!all_of(host, ".-:[]") || host.n > 255)
        return;
    buf_str(to, STR(": https://"));
    buf_str(to, host);
    if (str_starts(path, STR("/")) && path.n <= 1024 && all_of(path, "/-._~%?=&+,;:@!$'()*"))
        buf_str(to, path);
}

void plain_answer(struct str input, struct buf *to) {
    struct buf text;
    buf_init(&text);
    buf_str(&text, STR("This port speaks HTTPS"));
    add_url(input, &text);
    buf_char(&text, '\n');
    buf_format(to,
               "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
               "content-length: %zu\r\nconnection: close\r\n\r\n",
               text.n);
    if (!str_starts(input, STR("HEAD ")))
        buf_str(to, buf_view(&text));
    to->failed = to->failed || text.failed;
    buf_fini(&text);
}
