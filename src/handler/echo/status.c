/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "handler/echo/endpoint.h"
#include "http/uri.h"
#include "tls/digest.h"

enum { MAX_CODES = 32 };

struct choice {
    int status;
    double weight;
};

static bool read_choice(struct str text, struct choice *ret_choice) {
    struct str code;
    uint64_t status;
    double weight = 1;

    if (!str_cut(&text, ':', &code) || str_to_u64(str_trim(code), &status) || status < 200 ||
        status > 599)
        return false;
    if (text.n) {
        char number[32] = {0}, *end;
        memcpy(number, text.p, text.n < sizeof number ? text.n : sizeof number - 1);
        weight = strtod(number, &end);
        if (end == number || *end || !(weight >= 0 && weight <= 1e9))
            return false;
    }
    *ret_choice = (struct choice){(int)status, weight};
    return true;
}

/* One of them by weight, or 0. */
static int draw(const struct choice *v, size_t n) {
    uint32_t random = 0;
    double sum = 0, at;

    for (size_t i = 0; i < n; i++)
        sum += v[i].weight;
    random_bytes(&random, sizeof random);
    at = sum * (random / 4294967296.0);
    for (size_t i = 0; i < n; i++) {
        at -= v[i].weight;
        if (at < 0)
            return v[i].status;
    }
    return n ? v[n - 1].status : 0;
}

/* 503 as well if there is no memory to read them. */
static int choose(struct echo *e) {
    struct choice v[MAX_CODES];
    struct str rest = uri_decode(&e->end.x->arena, e->rest, false), part;
    size_t n = 0;

    if (!rest.p)
        return 503;
    while (str_cut(&rest, ',', &part)) {
        if (n == MAX_CODES || !read_choice(part, &v[n]))
            return 0;
        n++;
    }
    return draw(v, n);
}

static const char teapot[] = "\n"
                             "        )  (\n"
                             "       (    )  )\n"
                             "     ___)__(__(___\n"
                             "    (  I'm a      )===.\n"
                             "  __|  teapot,    |    )\n"
                             "  \\ |  even over  |===\'\n"
                             "   \\|  QUIC       |\n"
                             "     `-----------\'\n";

static const char types[] = "{\"message\": \"Client did not request a supported media type.\", "
                            "\"accept\": [\"image/webp\", \"image/svg+xml\", \"image/jpeg\", "
                            "\"image/png\", \"image/*\"]}";

/* What httpbin sends along with some of them. */
void answer_status(struct echo *e) {
    struct fields *f = &e->end.x->response.fields;
    int status = choose(e), err = 0;
    struct str type = STR("text/html; charset=utf-8"), body = {"", 0};

    switch (status) {
    case 0:
        echo_error(e, 400, STR("write /status/404, or /status/200:0.9,500:0.1; 200 to 599"));
        return;
    case 301:
    case 302:
    case 303:
    case 305:
    case 307: err = fields_add(f, STR("location"), STR("/redirect/1")); break;
    case 401:
        err = fields_add(f, STR("www-authenticate"), STR("Basic realm=\"Fake Realm\""));
        break;
    case 402:
        body = STR("This costs nothing but your time.\n");
        err = fields_add(f, STR("x-more-info"), STR("http://vimeo.com/22053820"));
        break;
    case 406:
        type = STR("application/json");
        body = str_of(types);
        break;
    case 407:
        err = fields_add(f, STR("proxy-authenticate"), STR("Basic realm=\"Fake Realm\""));
        break;
    case 418:
        body = str_of(teapot);
        err = fields_add(f, STR("x-more-info"), STR("http://tools.ietf.org/html/rfc2324"));
        break;
    }
    if (err)
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, status, type, body);
}
