/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h3/stream.h"

/* A client stream: the back end of an exchange. */

/* The request's bytes move into kept, as the exchange may be taken away while QUIC needs
 * them. */
static void pump(struct h3_stream *s) {
    struct body *from = &s->out->body;
    struct span to;
    size_t n = 1;
    while (n > 0 && (to = body_reserve(&s->kept)).n > 0) {
        n = body_read(from, to.p, to.n);
        body_commit(&s->kept, n);
    }
    if (s->complete || !body_at_end(from))
        return;
    s->out_trailers = &s->out->trailers;
    s->complete = true;
}

static void take_body(struct h3_stream *s) {
    if (s->out->body.state == BODY_ABORTED) {
        enum reason reason = s->out->body.reason;
        h3_stream_reset(s, reason_h3(reason));
        exchange_reset(&s->end, reason);
        return;
    }
    if (s->stop_came) {
        body_stop(&s->out->body, REASON_UPSTREAM_DONE);
        return;
    }
    pump(s);
    h3_stream_resume(s);
}

static void respond(struct h3_stream *s) {
    bool cut = (s->closed || s->reset_came) && !s->fin_came;
    if (!s->head_came || s->started || cut)
        return;
    s->started = true;
    exchange_respond(s->end.x);
}

/* The response is complete, or never will be. */
static bool finished(struct h3_stream *s) {
    if (s->head_came && s->fin_came) {
        respond(s);
        if (!s->fin_sent)
            h3_stream_reset(s, H3_REQUEST_CANCELLED);
        exchange_leave(&s->end);
    } else if (s->reset_came || s->closed) {
        h3_stream_reset(s, H3_REQUEST_CANCELLED);
        exchange_fail(&s->end, reason_from_h3(s->close_code, true));
    } else {
        return false;
    }
    return true;
}

static bool ended(struct h3_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (events & END_RESET) {
        h3_stream_reset(s, reason_h3(x->reason));
        exchange_leave(&s->end);
    } else if (s->broken != REASON_NONE) {
        h3_stream_reset(s, reason_h3(s->broken));
        exchange_fail(&s->end, s->broken);
    } else {
        return false;
    }
    return true;
}

static void go_on(struct h3_stream *s, uint32_t events) {
    respond(s);
    if (events & END_STOP) {
        h3_stream_reset(s, H3_REQUEST_CANCELLED);
        exchange_leave(&s->end);
        return;
    }
    take_body(s);
    if (s->end.x && (events & END_ROOM))
        h3_stream_credit(s);
}

static void back_run(struct task *task, uint32_t events) {
    struct h3_stream *s = h3_stream_of(task);
    if (!s->h3->failed) {
        if (!s->end.x)
            h3_stream_reset(s, H3_REQUEST_CANCELLED);
        else if (!ended(s, events) && !finished(s))
            go_on(s, events);
    }
    h3_stream_settle(s);
}

static int submit(struct h3_stream *s, struct exchange *x) {
    static const nghttp3_data_reader source = {.read_data = h3_stream_read};
    struct field *lines;
    size_t n;
    if (head_request_lines(&x->request, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    nghttp3_nv *nv = h3_headers(&x->arena, lines, n);
    if (!nv)
        return ERR_NO_MEMORY;
    int rv = nghttp3_conn_submit_request(s->h3->ng, s->id, nv, n,
                                         h3_stream_bodiless(s) ? NULL : &source, s);
    if (rv == 0)
        return 0;
    return rv == NGHTTP3_ERR_CONN_CLOSING ? ERR_CLOSED : ERR_NO_MEMORY;
}

/* Not known to nghttp3: QUIC's stream goes with a reset, ours now. */
static void undo(struct h3_stream *s) {
    quic_reset_stream(s->h3->conn, s->id, H3_REQUEST_CANCELLED);
    quic_stop_sending(s->h3->conn, s->id, H3_REQUEST_CANCELLED);
    list_remove(&s->link);
    body_fini(&s->kept);
    free(s);
}

int h3_back_open(struct http_client *client, struct exchange *x, bool lend) {
    struct h3 *h3 = container_of(client, struct h3, client);
    check_magic(h3, H3_MAGIC);
    if (!client->usable || h3->failed)
        return ERR_CLOSED;
    int64_t id = h3->opened ? quic_open_bidi(h3->conn) : ERR_LIMIT;
    if (id < 0)
        return (int)id;
    struct h3_stream *s = h3_stream_new(h3, id, back_run);
    if (!s) {
        quic_reset_stream(h3->conn, id, H3_REQUEST_CANCELLED);
        quic_stop_sending(h3->conn, id, H3_REQUEST_CANCELLED);
        return ERR_NO_MEMORY;
    }
    s->in = &x->response;
    body_leave_budget(&x->response.body); /* the stream's window is granted */
    s->out = &x->request;
    s->sending = &s->kept;
    s->kept.producer = &s->end.task;
    if (x->request.body.state == BODY_COMPLETE && body_unsent(&x->request.body) == 0)
        pump(s);
    int err = submit(s, x);
    if (err != 0) {
        undo(s);
        return err;
    }
    s->head_sent = true;
    client->n_streams++;
    client->n_requests++;
    client->max_streams = client->n_streams + (uint32_t)quic_bidi_left(h3->conn);
    if (lend)
        exchange_lend(x, &s->end);
    else
        exchange_take(x, &s->end);
    quic_wake(h3->conn);
    return 0;
}

void h3_back_gone(struct h3_stream *s, enum reason reason) {
    exchange_lose(&s->end, s->head_came, s->started && s->fin_came, reason);
}
