/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/back.h"

#include "base/err.h"
#include "http/validate.h"
#include "proto/h1/write.h"

enum { INFORMATIONAL_HEADS = 64 };

/* RFC 9110 10.1.1: a server may never send 100, so the wait is short. */
#define EXPECT_WAIT_NS SECOND_NS

static struct h1_back *back_of(struct h1_conn *c) {
    return (struct h1_back *)c;
}

static bool is_busy(const struct h1_back *b) {
    return b->client.n_streams > 0;
}

/* Never again: the driver closes, the owner forgets. */
static void close_now(struct h1_back *b) {
    b->client.n_streams = 0;
    h1_conn_cut(&b->conn);
    if (!b->client.usable)
        return;
    b->client.usable = false;
    if (b->client.owner)
        task_wake(b->client.owner, CLIENT_GONE);
}

static void fail(struct h1_back *b, enum reason reason) {
    h1_receiver_let_go(&b->conn.in);
    exchange_fail(&b->conn.end, reason);
    close_now(b);
}

/* Nobody waits for the response any more. */
static void abandon(struct h1_back *b) {
    h1_receiver_let_go(&b->conn.in);
    exchange_reset(&b->conn.end, REASON_CLIENT_CANCEL);
    close_now(b);
}

/* ---- the request ---- */

static bool says_zero(struct str method) {
    return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
           str_eq(method, STR("PATCH"));
}

/* Completes m's content-length where the whole body is here already. Behind a length there is no
 * place for trailers. */
static enum h1_framing framing_of(struct message *m) {
    size_t unsent = body_unsent(&m->body);
    if (message_expects_trailers(m))
        return H1_CHUNKED;
    if (m->body.state == BODY_COMPLETE) {
        if (m->content_length < 0 && (unsent > 0 || says_zero(m->method)))
            m->content_length = (int64_t)unsent;
        if (unsent == 0 && m->content_length <= 0)
            return H1_NO_BODY;
    }
    return m->content_length >= 0 ? H1_LENGTH : H1_CHUNKED;
}

static int write_head(struct h1_back *b, struct message *m) {
    struct h1_conn *c = &b->conn;
    enum h1_framing framing = framing_of(m);
    uint64_t length = framing == H1_LENGTH ? (uint64_t)m->content_length : 0;
    h1_request_write(&c->out.lead, m, framing);
    if (c->out.lead.failed) {
        h1_sender_reset(&c->out);
        return ERR_NO_MEMORY;
    }
    h1_sender_begin(&c->out, framing, length, &m->body);
    c->out.hold = m->expect_continue && framing != H1_NO_BODY;
    b->hold_until_ns = c->out.hold ? h1_conn_now(c) + EXPECT_WAIT_NS : UINT64_MAX;
    return 0;
}

static int back_open(struct http_client *client, struct exchange *x, bool lend) {
    struct h1_back *b = container_of(client, struct h1_back, client);
    struct h1_conn *c = &b->conn;
    struct message *m = &x->request;
    if (!client->usable || c->eof || c->in.touched)
        return ERR_CLOSED;
    if (!client_can_open(client))
        return ERR_LIMIT;
    if (method_is(m, "CONNECT") || m->protocol.n > 0)
        return ERR_UNSUPPORTED;
    if (request_problem(m, false))
        return ERR_INVALID;
    if (write_head(b, m) != 0)
        return ERR_NO_MEMORY;
    b->n_informational = 0;
    b->keep_alive = false;
    client->n_streams = 1;
    client->n_requests++;
    if (lend)
        exchange_lend(x, &c->end);
    else
        exchange_take(x, &c->end);
    h1_conn_output(c);
    return 0;
}

static void take_request(struct h1_back *b, struct exchange *x) {
    struct h1_conn *c = &b->conn;
    const struct body *body = &x->request.body;
    if (body->state == BODY_ABORTED)
        abandon(b);
    else if (c->out.body && body->state != BODY_COMPLETE)
        h1_conn_output(c);
    else if (h1_sender_end(&c->out, &x->request.trailers) != 0)
        fail(b, c->out.tail.failed ? REASON_NO_MEMORY : REASON_CLIENT_PROTOCOL);
    else
        h1_conn_output(c);
}

static void release(struct h1_back *b) {
    b->conn.out.hold = false;
    b->hold_until_ns = UINT64_MAX;
    h1_conn_output(&b->conn);
}

/* ---- the response ---- */

static void take_informational(struct h1_back *b, struct exchange *x,
                               const struct h1_facts *facts) {
    struct h1_conn *c = &b->conn;
    struct fields fields;
    int status = c->in.head.status;
    fields_init(&fields, &x->arena);
    if (status == 101 || ++b->n_informational > INFORMATIONAL_HEADS) {
        fail(b, REASON_UPSTREAM_PROTOCOL);
        return;
    }
    /* too many for the client to take are dropped */
    if (h1_fields_fill(&c->in.head, facts, &fields) != 0 ||
        exchange_inform(x, status, &fields) == ERR_NO_MEMORY) {
        fail(b, REASON_NO_MEMORY);
        return;
    }
    if (status == 100)
        release(b);
    h1_receiver_reset(&c->in);
}

static void take_final(struct h1_back *b, struct exchange *x, const struct h1_facts *facts) {
    struct h1_conn *c = &b->conn;
    if (h1_response_fill(&c->in.head, facts, &x->response) != 0) {
        fail(b, REASON_NO_MEMORY);
        return;
    }
    b->keep_alive = facts->keep_alive && facts->framing != H1_UNTIL_EOF;
    if (c->in.head.status < 400)
        release(b); /* else the body is not wanted: it is never sent */
    h1_receiver_begin_body(&c->in, facts, &x->response.body, &x->response.trailers);
    exchange_respond(x);
}

static void back_head(struct h1_conn *c) {
    struct h1_back *b = back_of(c);
    struct exchange *x = c->end.x;
    struct h1_facts facts;
    if (!x)
        close_now(b); /* an answer to nothing */
    else if (h1_response_check(&c->in.head, x->request.method, &facts) != 0)
        fail(b, REASON_UPSTREAM_PROTOCOL);
    else if (c->in.head.status < 200)
        take_informational(b, x, &facts);
    else
        take_final(b, x, &facts);
}

static void back_received(struct h1_conn *c) {
    if (c->end.x)
        body_finish(&c->end.x->response.body);
    task_wake(&c->end.task, H1_LOOK);
}

static void back_broken(struct h1_conn *c) {
    switch (c->in.status) {
    case 431: fail(back_of(c), REASON_UPSTREAM_TOO_LARGE); break;
    case 503: fail(back_of(c), REASON_NO_MEMORY); break;
    default: fail(back_of(c), REASON_UPSTREAM_PROTOCOL);
    }
}

/* What it means that nothing more comes. */
static enum reason cut_reason(const struct h1_back *b) {
    bool nothing = !h1_receiver_begun(&b->conn.in) && b->n_informational == 0;
    return nothing ? REASON_UPSTREAM_CLOSED : REASON_UPSTREAM_CUT;
}

static void back_eof(struct h1_conn *c) {
    struct h1_back *b = back_of(c);
    if (!is_busy(b))
        close_now(b);
    else if (!h1_receiver_eof(&c->in))
        fail(b, cut_reason(b));
}

/* Both messages are over, or the response is and nobody reads the rest of the request. */
static void finish(struct h1_back *b, struct exchange *x) {
    struct h1_conn *c = &b->conn;
    bool clean =
        h1_sender_done(&c->out) && b->keep_alive && !c->eof && c->pending.n == 0 && !c->draining;
    if (!h1_sender_done(&c->out))
        body_stop(&x->request.body, REASON_UPSTREAM_DONE);
    exchange_leave(&c->end);
    h1_conn_next(c);
    if (!clean) {
        close_now(b);
        return;
    }
    b->client.n_streams = 0;
    if (b->client.owner)
        task_wake(b->client.owner, CLIENT_READY);
}

static void back_events(struct h1_conn *c, uint32_t events) {
    struct h1_back *b = back_of(c);
    struct exchange *x = c->end.x;
    if (!is_busy(b)) {
        if (c->in.touched)
            close_now(b); /* bytes that nobody asked for: the next response would not be ours */
        return;
    }
    bool unwanted = x && x->response.body.state == BODY_STOPPED && !c->received;
    if (!x || unwanted || (events & END_RESET)) {
        abandon(b);
        return;
    }
    take_request(b, x);
    if (c->end.x && c->received)
        finish(b, c->end.x);
}

/* ---- time and the connection ---- */

/* Only while it is the upstream that we wait for: not when the client takes nothing, nor before
 * the upstream has all of the request, as it may wait for the rest itself. */
static uint64_t body_deadline(const struct h1_conn *c) {
    uint64_t limit_ns = c->env->limits->response_body_timeout_ns;
    if (limit_ns == 0 || c->in.state < H1_RECEIVER_LENGTH || c->in.state >= H1_RECEIVER_END)
        return UINT64_MAX;
    return h1_conn_listens(c) && h1_sender_done(&c->out) ? c->heard_ns + limit_ns : UINT64_MAX;
}

static uint64_t back_deadline(const struct h1_conn *c) {
    uint64_t body_ns = body_deadline(c), hold_ns = ((const struct h1_back *)c)->hold_until_ns;
    return body_ns < hold_ns ? body_ns : hold_ns;
}

static void back_late(struct h1_conn *c) {
    struct h1_back *b = back_of(c);
    if (b->hold_until_ns <= h1_conn_now(c))
        release(b);
    else
        fail(b, REASON_UPSTREAM_BODY_TIMEOUT);
}

static void back_drain(struct h1_conn *c) {
    struct h1_back *b = back_of(c);
    if (!is_busy(b))
        close_now(b);
}

/* The response may have become complete in this very turn. */
static void back_gone(struct h1_conn *c, int reason) {
    struct h1_back *b = back_of(c);
    c->draining = true;
    if (is_busy(b) && c->received && c->end.x)
        finish(b, c->end.x);
    else if (is_busy(b))
        fail(b, reason > 0 ? (enum reason)reason : cut_reason(b));
    else
        close_now(b);
}

const struct h1_role h1_back_role = {
    .head = back_head,
    .received = back_received,
    .broken = back_broken,
    .eof = back_eof,
    .events = back_events,
    .deadline = back_deadline,
    .late = back_late,
    .drain = back_drain,
    .gone = back_gone,
};

const struct http_client_ops h1_back_client_ops = {.open = back_open};
