/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* So much of a request body is read and thrown away, for the sake of clients that read no
 * response before they have sent everything; more is stopped. */
enum { REPLY_DRAIN = 256 * 1024 };

struct replier {
    struct end end;
    struct str rest; /* of the response body */
    uint64_t drained;
};

static void quit(struct replier *r) {
    exchange_leave(&r->end);
    task_fini(&r->end.task);
}

/* true: nothing more comes, or nothing more is wanted. */
static bool drain_request(struct replier *r) {
    struct message *request = &r->end.x->request;
    struct body *body = &request->body;
    bool waits_for_100 = request->expect_continue && !body->wanted;
    struct iovec iov;
    while (!waits_for_100 && r->drained < REPLY_DRAIN && body_peek(body, &iov, 1) == 1) {
        body_sent(body, iov.iov_len);
        body_acked(body, iov.iov_len);
        r->drained += iov.iov_len;
    }
    if (body->state == BODY_OPEN && (waits_for_100 || r->drained >= REPLY_DRAIN))
        body_stop(body, REASON_UPSTREAM_DONE);
    return body->state != BODY_OPEN;
}

static int send_response(struct body *body, struct str *rest) {
    ptrdiff_t n = body_write(body, rest->p, rest->n);
    if (n < 0)
        return ERR_NO_MEMORY;
    *rest = (struct str){rest->p + n, rest->n - (size_t)n};
    if (rest->n == 0)
        body_finish(body);
    return 0;
}

static void replier_run(struct task *task, uint32_t events) {
    struct replier *r = (struct replier *)end_of(task);
    struct exchange *x = r->end.x;
    if (!x || (events & END_RESET)) {
        quit(r);
        return;
    }
    if (x->response.body.state == BODY_OPEN && send_response(&x->response.body, &r->rest) != 0) {
        exchange_reset(&r->end, REASON_NO_MEMORY);
        quit(r);
        return;
    }
    bool request_done = drain_request(r);
    if (request_done && x->response.body.state != BODY_OPEN)
        quit(r);
}

static int set_head(struct exchange *x, int status, struct str content_type, struct str body) {
    struct message *m = &x->response;
    bool tunnel = str_eq(x->request.method, STR("CONNECT")) && status / 100 == 2;
    m->status = status;
    /* RFC 9110 8.6: never with 1xx, 204 and a 2xx to CONNECT */
    bool no_length = status / 100 == 1 || status == 204 || tunnel;
    m->content_length = no_length ? LENGTH_UNKNOWN : (int64_t)body.n;
    return content_type.n ? fields_set(&m->fields, STR("content-type"), content_type) : 0;
}

void reply(struct exchange *x, int status, struct str content_type, struct str body) {
    struct replier *r = arena_zalloc(&x->arena, sizeof(*r));
    bool empty = response_has_no_body(x->request.method, status);
    if (!r || set_head(x, status, content_type, body) != 0)
        goto no_memory;
    r->rest = empty || body.n == 0 ? STR("") : body; /* of no bytes may be NULL */
    if (send_response(&x->response.body, &r->rest) != 0)
        goto no_memory;
    if (r->rest.n > 0)
        r->rest = arena_str(&x->arena, r->rest);
    if (!r->rest.p)
        goto no_memory;
    end_init(&r->end, x->env->turn, replier_run);
    exchange_take(x, &r->end);
    exchange_respond(x);
    task_wake(&r->end.task, END_DATA);
    return;

no_memory:
    exchange_reset(x->back, REASON_NO_MEMORY);
}

enum form { FORM_PLAIN, FORM_HTML, FORM_JSON };

/* q=0.375 as 375; 1000 when there is none (RFC 9110 12.4.2). */
static unsigned weight_of(struct str parameters) {
    struct str part;
    while (str_cut(&parameters, ';', &part)) {
        part = str_trim(part);
        if (!str_istarts(part, STR("q=")))
            continue;
        unsigned weight = part.n > 2 && part.p[2] == '1' ? 1000 : 0, scale = 100;
        for (size_t i = 4; i < part.n && scale > 0 && weight < 1000; i++, scale /= 10)
            if (part.p[i] >= '0' && part.p[i] <= '9')
                weight += (unsigned)(part.p[i] - '0') * scale;
        return weight;
    }
    return 1000;
}

#define TYPE(literal) \
    { literal, sizeof(literal) - 1 }
static bool form_of(struct str type, enum form *ret_form) {
    static const struct {
        struct str type;
        enum form form;
    } known[] = {
        {TYPE("text/html"), FORM_HTML},
        {TYPE("application/xhtml+xml"), FORM_HTML},
        {TYPE("application/json"), FORM_JSON},
        {TYPE("application/*"), FORM_JSON},
        {TYPE("text/plain"), FORM_PLAIN},
        {TYPE("text/*"), FORM_PLAIN},
        {TYPE("*/*"), FORM_PLAIN},
    };
#undef TYPE
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_ieq(type, known[i].type)) {
            *ret_form = known[i].form;
            return true;
        }
    }
    return false;
}

/* The heaviest form that Accept names; the first of equals. */
static enum form form_wanted(const struct exchange *x) {
    struct str accept = fields_get(&x->request.fields, STR("accept")), element, type;
    enum form best = FORM_PLAIN, form;
    unsigned best_weight = 0;
    while (fields_list_next(&accept, &element)) {
        if (!str_cut(&element, ';', &type) || !form_of(str_trim(type), &form))
            continue;
        unsigned weight = weight_of(element);
        if (weight > best_weight) {
            best = form;
            best_weight = weight;
        }
    }
    return best;
}

static void add_html(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<': buf_str(b, STR("&lt;")); break;
        case '>': buf_str(b, STR("&gt;")); break;
        case '&': buf_str(b, STR("&amp;")); break;
        case '"': buf_str(b, STR("&quot;")); break;
        default: buf_char(b, s.p[i]);
        }
    }
}

static void html_body(struct buf *b, int status, struct str detail) {
    buf_format(b, "<!doctype html>\n<html lang=\"en\">\n<title>%d %s</title>\n<h1>%d %s</h1>\n",
               status, status_text(status), status, status_text(status));
    if (detail.n > 0) {
        buf_str(b, STR("<p>"));
        add_html(b, detail);
        buf_str(b, STR("</p>\n"));
    }
    buf_str(b, STR("<hr>\n<p><small>h3gw</small></p>\n</html>\n"));
}

static void json_body(struct buf *b, int status, struct str detail) {
    struct json j;
    json_init(&j);
    struct json_value *object = json_object(&j);
    json_add_u64(&j, object, STR("status"), (uint64_t)status);
    json_add_str(&j, object, STR("error"), str_of(status_text(status)));
    json_add_str(&j, object, STR("detail"), detail);
    if (json_print(&j, object, JSON_PRETTY, b) != 0)
        b->failed = true;
    json_fini(&j);
}

static void plain_body(struct buf *b, int status, struct str detail) {
    buf_format(b, "%d %s\n", status, status_text(status));
    if (detail.n > 0) {
        buf_str(b, detail);
        buf_char(b, '\n');
    }
}

void reply_error(struct exchange *x, int status, struct str detail) {
    struct str type = STR("text/plain; charset=utf-8");
    struct buf body;
    buf_init(&body);
    switch (form_wanted(x)) {
    case FORM_HTML:
        html_body(&body, status, detail);
        type = STR("text/html; charset=utf-8");
        break;
    case FORM_JSON:
        json_body(&body, status, detail);
        type = STR("application/json");
        break;
    case FORM_PLAIN: plain_body(&body, status, detail); break;
    }
    if (body.failed)
        exchange_reset(x->back, REASON_NO_MEMORY);
    else
        reply(x, status, type, buf_view(&body));
    buf_fini(&body);
}

static const char *advice(enum reason reason) {
    switch (reason) {
    case REASON_UPSTREAM_CONNECT:
        return "Is the app running, and on this address? Start it and try again: h3gw connects "
               "anew for each request.";
    case REASON_UPSTREAM_CONNECT_TIMEOUT:
        return "The address does not answer; --upstream-connect-timeout says how long h3gw waits.";
    case REASON_UPSTREAM_TIMEOUT:
        return "The app took the request but sent no response; --upstream-response-timeout says "
               "how long h3gw waits.";
    case REASON_UPSTREAM_STALLED:
        return "The app has stopped reading the request; --write-timeout says how long h3gw waits.";
    case REASON_UPSTREAM_PROTOCOL:
        return "The app's response is not valid HTTP, so h3gw passed nothing of it on.";
    case REASON_UPSTREAM_TOO_LARGE:
        return "--max-header-bytes and --max-fields say how much h3gw takes.";
    case REASON_OVERLOADED:
        return "max-upstream-connections says how many connections h3gw makes, ulimit -n how many "
               "files and connections it may have open.";
    default: return "The app's own log may say more.";
    }
}

/* Where a limit is reached every request fails for the same. */
static void tell(const struct exchange *x, enum reason reason, const char *problem) {
    struct log *log = x->env->log;
    if (reason == REASON_OVERLOADED && !log_due(log, LOG_OVERLOADED, x->env->turn->now_ns))
        return;
    log_warn(log, STR_FMT " " STR_FMT ": %s%s%s", STR_ARG(x->request.method),
             STR_ARG(x->upstream_name), reason_text(reason), problem ? ": " : "",
             problem ? problem : "");
}

void reply_upstream_failed(struct exchange *x, enum reason reason, const char *problem) {
    int status = reason_status(reason);
    struct str text = arena_format(&x->arena, "upstream " STR_FMT ": %s%s%s. %s",
                                   STR_ARG(x->upstream_name), reason_text(reason),
                                   problem ? ": " : "", problem ? problem : "", advice(reason));
    tell(x, reason, problem);
    x->reason = reason;
    reply_error(x, status ? status : 502, text.p ? text : str_of(reason_text(reason)));
}

void reply_refusal(struct exchange *x) {
    char date[DATE_TEXT];
    struct str text = str_of(date_imf(x->env->turn->wall_s, date));
    bool upstream = x->refusal == 502 || x->refusal == 504;
    if (fields_add(&x->response.fields, STR("date"), text) != 0)
        exchange_reset(x->back, REASON_NO_MEMORY);
    else if (upstream && !x->refusal_problem && x->upstream_name.n > 0)
        reply_upstream_failed(x, x->reason, NULL);
    else
        reply_error(x, x->refusal,
                    str_of(x->refusal_problem ? x->refusal_problem : reason_text(x->reason)));
}

void last_words_write(struct last_words *w, enum reason reason, uint64_t wall_s) {
    int status = reason_status(reason);
    int n = snprintf(w->body, sizeof(w->body), "%d %s\n%s\n", status, status_text(status),
                     reason_text(reason));
    w->n_body = (size_t)n < sizeof(w->body) ? (size_t)n : sizeof(w->body) - 1;
    (void)snprintf(w->status, sizeof(w->status), "%d", status);
    (void)snprintf(w->length, sizeof(w->length), "%zu", w->n_body);
    w->lines[0] = (struct field){STR(":status"), str_of(w->status)};
    w->lines[1] = (struct field){STR("date"), str_of(date_imf(wall_s, w->date))};
    w->lines[2] = (struct field){STR("content-type"), STR("text/plain; charset=utf-8")};
    w->lines[3] = (struct field){STR("content-length"), str_of(w->length)};
    w->n_lines = 4;
}
