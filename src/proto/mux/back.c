/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/mux/stream.h"

/* A client stream: the back end of an exchange. */

static void reset(struct mux_stream *s, enum reason reason) {
    /* a message is as malformed to who sent it, whichever side that is (RFC 9113 8.1.1, RFC 9114
     * 4.1.2) */
    bool blame = reason == REASON_UPSTREAM_PROTOCOL;
    s->mux->ops->reset(s, blame ? REASON_CLIENT_PROTOCOL : reason);
}

static void respond(struct mux_stream *s) {
    if (!s->head_came || s->started)
        return;
    s->started = true;
    exchange_respond(s->end.x);
}

/* The response is complete, or never will be. What is left of the request is of no use then. */
static bool finished(struct mux_stream *s) {
    bool whole = s->head_came && s->fin_came;
    enum reason reason = whole ? REASON_NONE : s->mux->ops->lost(s);
    if (!whole && reason == REASON_NONE)
        return false;
    if (whole)
        respond(s);
    if (whole && !s->fin_sent && !s->closed && s->mux->ops->fin_follows(s))
        return false;
    if (!s->fin_sent || !whole)
        reset(s, REASON_CLIENT_CANCEL);
    if (whole)
        exchange_leave(&s->end);
    else
        exchange_fail(&s->end, reason);
    return true;
}

static bool ended(struct mux_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (events & END_RESET) {
        reset(s, x->reason);
        exchange_leave(&s->end);
    } else if (s->broken != REASON_NONE) {
        reset(s, s->broken);
        exchange_fail(&s->end, s->broken);
    } else {
        return finished(s);
    }
    return true;
}

static void take_body(struct mux_stream *s) {
    enum reason reason = s->out->body.reason;
    if (s->out->body.state == BODY_ABORTED) {
        reset(s, reason);
        exchange_reset(&s->end, reason);
    } else {
        s->mux->ops->send_more(s);
    }
}

static void go_on(struct mux_stream *s, uint32_t events) {
    respond(s);
    if (events & END_STOP) {
        reset(s, REASON_CLIENT_CANCEL);
        exchange_leave(&s->end);
        return;
    }
    take_body(s);
    if (s->end.x && (events & END_ROOM))
        mux_stream_credit(s);
}

static void back_run(struct task *task, uint32_t events) {
    struct mux_stream *s = mux_stream_of(task);
    if (!s->mux->failed) {
        if (!s->end.x)
            reset(s, REASON_CLIENT_CANCEL);
        else if (!ended(s, events))
            go_on(s, events);
    }
    mux_stream_settle(s);
}

static int ask(struct mux_stream *s, struct exchange *x) {
    struct field *lines;
    size_t n;
    mux_stream_enter(s, x);
    body_leave_budget(&s->in->body); /* the stream's window is granted */
    if (body_at_end(&s->out->body))
        mux_stream_note_complete(s);
    if (head_request_lines(s->out, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    return s->mux->ops->request(s, lines, n, mux_stream_bodiless(s));
}

int mux_back_open(struct http_client *client, struct exchange *x, bool lend) {
    struct mux *m = container_of(client, struct mux, client);
    if (!client->usable || m->failed)
        return ERR_CLOSED;
    if (client->n_streams >= client->max_streams)
        return ERR_LIMIT;
    struct mux_stream *s = mux_stream_new(m, back_run);
    if (!s)
        return ERR_NO_MEMORY;
    int err = ask(s, x);
    if (err != 0) {
        client->usable = err != ERR_CLOSED;
        mux_stream_undo(s);
        return err;
    }
    s->head_sent = true;
    client->n_streams++;
    client->n_requests++;
    if (lend)
        exchange_lend(x, &s->end);
    else
        exchange_take(x, &s->end);
    m->ops->wake(m);
    return 0;
}

void mux_back_gone(struct mux_stream *s, enum reason reason) {
    exchange_lose(&s->end, s->head_came, s->started && s->fin_came, reason);
}
