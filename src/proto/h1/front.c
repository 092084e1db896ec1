/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/front.h"

#include "base/err.h"
#include "proto/h1/write.h"

/* Who half-closes behind its request and waits for the answer does it at once. */
#define HALF_CLOSE_NS SECOND_NS

static const char TOO_LARGE[] = "the request body is larger than what is taken here";

static struct h1_front *front_of(struct h1_conn *c) {
    return (struct h1_front *)c;
}

/* ---- the request ---- */

/* Answers without an exchange, for lack of memory or as it is over, and closes. */
static void blurt(struct h1_front *f, int status, const char *problem) {
    struct h1_conn *c = &f->conn;
    h1_sender_reset(&c->out);
    h1_refusal_write(&c->out.lead, status, problem, c->env->turn->wall_s);
    h1_sender_begin(&c->out, H1_NO_BODY, 0, NULL);
    if (c->out.lead.failed || h1_sender_end(&c->out, NULL) != 0) {
        h1_conn_cut(c);
        return;
    }
    f->head_written = true;
    f->keep_alive = false;
    h1_conn_close(c);
}

/* The exchange cannot go on, for our side's reason. */
static void fail(struct h1_front *f, enum reason reason, int status, const char *problem) {
    struct h1_conn *c = &f->conn;
    f->keep_alive = false;
    if (!f->head_written && exchange_refuse(&c->end, reason, status, problem))
        return;
    exchange_reset(&c->end, reason);
    h1_receiver_let_go(&c->in);
    if (f->head_written)
        h1_conn_cut(c);
    else
        blurt(f, status, problem);
}

static bool too_large(const struct h1_conn *c, uint64_t bytes) {
    uint64_t limit = c->env->limits->request_body_bytes;
    return limit > 0 && bytes > limit;
}

static void begin(struct h1_front *f) {
    const struct h1_head *head = &f->conn.in.head;
    f->head_written = f->expects = false;
    f->leaves_ns = UINT64_MAX;
    f->minor = head->major == 1 && head->minor == 0 ? 0 : 1;
}

/* The head is not one to act upon: an exchange all the same, so that the answer has what all
 * answers have, and is logged and counted. */
static void refuse(struct h1_front *f, enum reason reason, int status, const char *problem) {
    struct h1_conn *c = &f->conn;
    begin(f);
    struct exchange *x = exchange_new(c->env, &c->end, c->peer);
    if (!x) {
        blurt(f, status, problem);
        return;
    }
    body_finish(&x->request.body);
    if (f->minor == 0)
        x->request.version = HTTP_1_0;
    if (h1_refused_fill(&c->in.head, &x->request) != 0)
        fail(f, REASON_NO_MEMORY, 503, "out of memory");
    else
        fail(f, reason, status, problem);
}

static void start(struct h1_front *f, const struct h1_facts *facts) {
    struct h1_conn *c = &f->conn;
    const struct http_limits *limits = c->env->limits;
    begin(f);
    struct exchange *x = exchange_new(c->env, &c->end, c->peer);
    if (!x) {
        blurt(f, 503, "out of memory");
        return;
    }
    if (f->minor == 0)
        x->request.version = HTTP_1_0;
    if (h1_request_fill(&c->in.head, facts, &x->request) != 0) {
        h1_receiver_refuse(&c->in, 503, "out of memory");
        return;
    }
    f->n_requests++;
    f->expects = facts->expect_continue;
    f->keep_alive = facts->keep_alive && !c->draining &&
                    (limits->requests == 0 || f->n_requests < limits->requests);
    h1_receiver_begin_body(&c->in, facts, &x->request.body, &x->request.trailers);
    exchange_start(x);
}

static void front_head(struct h1_conn *c) {
    struct h1_facts facts;
    if (h1_request_check(&c->in.head, c->peer->secure, &facts) != 0)
        h1_receiver_refuse(&c->in, facts.status, facts.problem);
    else if (facts.content_length > 0 && too_large(c, (uint64_t)facts.content_length))
        h1_receiver_refuse(&c->in, 413, TOO_LARGE);
    else
        start(front_of(c), &facts);
}

static void front_received(struct h1_conn *c) {
    struct exchange *x = c->end.x;
    if (x) {
        x->request_end_ns = h1_conn_now(c);
        body_finish(&x->request.body);
    }
    task_wake(&c->end.task, H1_LOOK);
}

static enum reason reason_of(const struct h1_receiver *in, bool in_head) {
    switch (in->status) {
    case 413: return REASON_TOO_LARGE;
    case 503: return REASON_NO_MEMORY;
    default: return in_head ? REASON_NONE : REASON_CLIENT_PROTOCOL;
    }
}

static void front_broken(struct h1_conn *c) {
    struct h1_front *f = front_of(c);
    bool in_head = !c->end.x && !f->head_written; /* else an answer came before the body's end */
    enum reason reason = reason_of(&c->in, in_head);
    if (!in_head)
        fail(f, reason, c->in.status, c->in.problem);
    else
        refuse(f, reason, c->in.status, c->in.problem);
}

/* FIN while the exchange is open, with close_notify (a browser's aborted navigation, curl's
 * timeout) or without (a process that was killed): the client has left, and the back end hears
 * of it at once, as nginx, Go and HAProxy have it. But for a client that has only said all it
 * has to say (printf | nc): a FIN soon behind the request is believed a second later, and only
 * if nothing was sent since. If it was, it reaches who waits, and is reset by who is gone. */
static void farewell(struct h1_front *f, const struct exchange *x) {
    uint64_t now_ns = h1_conn_now(&f->conn), waits_ns = x->request_end_ns + HALF_CLOSE_NS;
    if (f->leaves_ns == UINT64_MAX)
        f->leaves_ns = waits_ns > now_ns ? waits_ns : now_ns;
}

static void front_eof(struct h1_conn *c) {
    if (c->in.state == H1_RECEIVER_END && c->status == ENGINE_OPEN) {
        if (c->end.x)
            farewell(front_of(c), c->end.x);
        return;
    }
    if (c->in.state >= H1_RECEIVER_LENGTH && c->status == ENGINE_OPEN && !c->broken)
        fail(front_of(c), REASON_CLIENT_GONE, 400, "the request ended before its end");
    if (!c->end.x) /* else there is an answer to come */
        h1_conn_set_status(c, ENGINE_DONE);
}

/* ---- the response ---- */

static void write_continue(struct h1_front *f) {
    struct h1_conn *c = &f->conn;
    if (!f->expects || f->head_written)
        return;
    f->expects = false;
    if (c->in.received > 0 || c->in.state == H1_RECEIVER_END)
        return; /* it did not wait */
    h1_informational_write(&c->out.lead, 100, NULL);
}

static void write_informational(struct h1_front *f, const struct informational *info) {
    if (f->minor == 0)
        return; /* RFC 9110 15.2 */
    if (info->status == 100)
        write_continue(f);
    else
        h1_informational_write(&f->conn.out.lead, info->status, &info->fields);
}

static enum h1_framing framing_of(const struct h1_front *f, struct message *m, bool no_body) {
    if (no_body)
        return H1_NO_BODY;
    if (f->minor > 0 && message_expects_trailers(m))
        return H1_CHUNKED;
    if (m->content_length < 0 && m->body.state == BODY_COMPLETE)
        m->content_length = (int64_t)body_unsent(&m->body);
    if (m->content_length >= 0)
        return H1_LENGTH;
    return f->minor == 0 ? H1_UNTIL_EOF : H1_CHUNKED;
}

/* Will the rest of the request be read, so that the next one can be found? */
static bool request_will_end(const struct h1_front *f, const struct exchange *x) {
    const struct h1_receiver *in = &f->conn.in;
    if (in->state == H1_RECEIVER_END)
        return true;
    if (f->expects && in->received == 0)
        return false; /* whether it comes at all is not known */
    return x->request.body.state == BODY_OPEN || in->remaining <= H1_DRAIN_BYTES;
}

static void write_head(struct h1_front *f, struct exchange *x, struct message *m) {
    struct h1_conn *c = &f->conn;
    bool no_body = response_has_no_body(x->request.method, m->status);
    if (m->status == 204)
        m->content_length = LENGTH_UNKNOWN; /* RFC 9110 8.6 */
    enum h1_framing framing = framing_of(f, m, no_body);
    uint64_t length = framing == H1_LENGTH ? (uint64_t)m->content_length : 0;
    const char *connection = NULL;
    f->keep_alive =
        f->keep_alive && !c->draining && framing != H1_UNTIL_EOF && request_will_end(f, x);
    if (!f->keep_alive)
        connection = "close";
    else if (f->minor == 0)
        connection = "keep-alive";
    if (no_body)
        body_stop(&m->body, REASON_NONE);
    h1_response_write(&c->out.lead, m, framing, connection);
    h1_sender_begin(&c->out, framing, length, &m->body);
    f->head_written = true;
}

static void take_heads(struct h1_front *f, struct exchange *x) {
    struct informational *info;
    while ((info = exchange_take_informational(x)))
        write_informational(f, info);
    struct message *m = exchange_take_head(x);
    if (!m)
        return;
    if (m->status >= 200 && m->status <= 999)
        write_head(f, x, m);
    else
        fail(f, REASON_INTERNAL, 500, reason_text(REASON_INTERNAL));
}

static void take_end(struct h1_front *f, struct exchange *x) {
    struct h1_conn *c = &f->conn;
    struct body *body = &x->response.body;
    const struct fields *trailers = NULL;
    if (c->out.ended)
        return;
    if (body->state == BODY_ABORTED && c->out.body) {
        fail(f, body->reason, 0, "");
        return;
    }
    if (c->out.body && body->state != BODY_COMPLETE)
        return;
    if (c->out.framing == H1_CHUNKED)
        trailers = exchange_take_trailers(x);
    if (h1_sender_end(&c->out, trailers) != 0)
        fail(f, REASON_INTERNAL, 0, "");
}

/* The back end reset the exchange. A response that was begun must not end cleanly. */
static void was_reset(struct h1_front *f, struct exchange *x) {
    enum reason reason = x->reason;
    int status = reason_status(reason);
    if (!f->head_written && exchange_refuse(&f->conn.end, reason, status, NULL))
        return;
    exchange_leave(&f->conn.end);
    h1_receiver_let_go(&f->conn.in);
    if (f->head_written)
        h1_conn_cut(&f->conn);
    else
        blurt(f, status ? status : 500, reason_text(reason));
}

/* The response is sent. The request may still be coming: the back end may be reading it, or
 * nobody. Then the next request begins behind it, if that is not too far away. */
static void answered(struct h1_front *f) {
    struct h1_conn *c = &f->conn;
    struct exchange *x = c->end.x;
    bool whole = c->in.state == H1_RECEIVER_END;
    if (x && !whole && x->request.body.state == BODY_OPEN)
        return;
    exchange_leave(&c->end);
    h1_receiver_let_go(&c->in);
    h1_sender_let_go(&c->out);
    if (!f->keep_alive || (!whole && c->in.wasted > H1_DRAIN_BYTES)) {
        h1_conn_close(c);
    } else if (whole) {
        bool over = c->draining || (c->eof && c->pending.n == 0);
        f->head_written = false;
        h1_conn_next(c);
        if (over)
            h1_conn_set_status(c, ENGINE_DONE);
    }
}

static void front_events(struct h1_conn *c, uint32_t events) {
    struct h1_front *f = front_of(c);
    if (c->end.x && (events & END_RESET)) {
        was_reset(f, c->end.x);
        return;
    }
    if (c->end.x && !c->end.x->refusal && too_large(c, c->in.received)) {
        fail(f, REASON_TOO_LARGE, 413, TOO_LARGE);
        return;
    }
    if (c->end.x && (events & END_WANT) && f->minor > 0)
        write_continue(f);
    if (c->end.x && (events & END_HEAD))
        take_heads(f, c->end.x);
    if (c->end.x && f->head_written)
        take_end(f, c->end.x);
    if (c->end.x && (c->out.lead.failed || c->out.tail.failed))
        fail(f, REASON_NO_MEMORY, 503, "out of memory");
    h1_conn_output(c);
    if (c->status == ENGINE_OPEN && f->head_written && h1_sender_done(&c->out))
        answered(f);
}

/* ---- time ---- */

static uint64_t after(uint64_t from_ns, uint64_t timeout_ns) {
    return timeout_ns > 0 ? from_ns + timeout_ns : UINT64_MAX;
}

static uint64_t read_deadline(const struct h1_conn *c) {
    const struct http_limits *limits = c->env->limits;
    bool refused = c->end.x && c->end.x->refusal;
    if (refused || c->in.state >= H1_RECEIVER_END ||
        (c->in.state >= H1_RECEIVER_LENGTH && !h1_conn_listens(c)))
        return UINT64_MAX; /* it is not the client that we wait for */
    if (c->in.state >= H1_RECEIVER_LENGTH)
        return after(c->heard_ns, limits->body_timeout_ns);
    return after(c->heard_ns,
                 h1_receiver_begun(&c->in) ? limits->header_timeout_ns : limits->idle_timeout_ns);
}

static uint64_t write_deadline(const struct h1_conn *c) {
    /* 0: the body has grown since, and our wake for it is still to come */
    if (c->sent_ns == 0 || !h1_sender_pending(&c->out))
        return UINT64_MAX;
    return after(c->sent_ns, c->env->limits->write_timeout_ns);
}

static uint64_t leave_deadline(const struct h1_conn *c) {
    return c->end.x && !c->sent_since_eof ? ((const struct h1_front *)c)->leaves_ns : UINT64_MAX;
}

static uint64_t front_deadline(const struct h1_conn *c) {
    uint64_t write_ns = write_deadline(c), leave_ns = leave_deadline(c);
    uint64_t read_ns = c->status == ENGINE_SHUT_WRITE ? c->linger_ns : read_deadline(c);
    if (leave_ns < read_ns)
        read_ns = leave_ns;
    if (c->status == ENGINE_SHUT_WRITE && write_ns != UINT64_MAX)
        return write_ns; /* lingering begins when all is sent */
    return read_ns < write_ns ? read_ns : write_ns;
}

static void front_late(struct h1_conn *c) {
    struct h1_front *f = front_of(c);
    uint64_t now_ns = h1_conn_now(c);
    if (write_deadline(c) <= now_ns) {
        exchange_reset(&c->end, REASON_CLIENT_STALLED);
        h1_conn_cut(c);
    } else if (c->status == ENGINE_SHUT_WRITE) {
        h1_conn_set_status(c, ENGINE_DONE);
    } else if (leave_deadline(c) <= now_ns) {
        exchange_reset(&c->end, REASON_CLIENT_GONE);
        h1_conn_cut(c);
    } else if (c->in.state >= H1_RECEIVER_LENGTH) {
        fail(f, REASON_CLIENT_TIMEOUT, 408, "the request body did not come in time");
    } else if (h1_receiver_begun(&c->in)) {
        h1_receiver_refuse(&c->in, 408, "the request header did not come in time");
        c->broken = true;
        front_broken(c);
    } else {
        h1_conn_set_status(c, ENGINE_DONE);
    }
}

/* ---- the connection ---- */

static void front_drain(struct h1_conn *c) {
    if (!c->end.x && !h1_receiver_begun(&c->in) && c->pending.n == 0)
        h1_conn_set_status(c, ENGINE_DONE);
}

static void front_gone(struct h1_conn *c, int reason) {
    exchange_reset(&c->end, reason > 0 ? (enum reason)reason : REASON_CLIENT_GONE);
}

const struct h1_role h1_front_role = {
    .head = front_head,
    .received = front_received,
    .broken = front_broken,
    .eof = front_eof,
    .events = front_events,
    .deadline = front_deadline,
    .late = front_late,
    .drain = front_drain,
    .gone = front_gone,
};
