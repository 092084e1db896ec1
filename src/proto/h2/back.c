/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h2/stream.h"

/* A client stream: the back end of an exchange. */

static void note_complete(struct h2_stream *s) {
    if (s->complete || s->out->body.state != BODY_COMPLETE)
        return;
    s->out_trailers = &s->out->trailers;
    s->complete = true;
}

static void take_body(struct h2_stream *s) {
    if (s->out->body.state == BODY_ABORTED) {
        enum reason reason = s->out->body.reason;
        h2_stream_reset(s, reason_h2(reason));
        exchange_reset(&s->end, reason);
        return;
    }
    note_complete(s);
    if (nghttp2_is_fatal(nghttp2_session_resume_data(s->h2->ng, s->id)))
        h2_fail(s->h2);
}

/* nghttp2 has forgotten the stream. */
static void finish(struct h2_stream *s) {
    if (s->started && s->fin_came)
        exchange_leave(&s->end);
    else
        exchange_fail(&s->end, h2_stream_close_reason(s));
}

static void respond(struct h2_stream *s) {
    bool cut = s->closed && !s->fin_came;
    if (!s->head_came || s->started || cut)
        return;
    s->started = true;
    exchange_respond(s->end.x);
}

static bool ended(struct h2_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (events & END_RESET) {
        h2_stream_reset(s, reason_h2(x->reason));
        exchange_leave(&s->end);
    } else if (s->broken != REASON_NONE) {
        h2_stream_reset(s, s->broken == REASON_UPSTREAM_PROTOCOL ? NGHTTP2_PROTOCOL_ERROR
                                                                 : reason_h2(s->broken));
        exchange_fail(&s->end, s->broken);
    } else if (s->closed) {
        respond(s);
        finish(s);
    } else {
        return false;
    }
    return true;
}

/* The response is complete, or not wanted: what is left of the request is of no use. */
static bool needs_no_more(const struct h2_stream *s, uint32_t events) {
    bool sending = !s->complete || body_unsent(&s->out->body) > 0;
    return (events & END_STOP) || (s->started && s->fin_came && sending);
}

static void go_on(struct h2_stream *s, uint32_t events) {
    respond(s);
    if (events & END_DATA)
        take_body(s);
    if (s->end.x && (events & END_ROOM))
        h2_stream_credit(s);
    if (s->end.x && needs_no_more(s, events)) {
        h2_stream_reset(s, NGHTTP2_CANCEL);
        exchange_leave(&s->end);
    }
}

static void back_run(struct task *task, uint32_t events) {
    struct h2_stream *s = h2_stream_of(task);
    if (!s->h2->failed) {
        if (s->end.x && !ended(s, events))
            go_on(s, events);
        else if (!s->end.x)
            h2_stream_reset(s, NGHTTP2_CANCEL);
    }
    h2_stream_settle(s);
}

static int submit(struct h2_stream *s, struct exchange *x) {
    struct field *lines;
    size_t n;
    if (head_request_lines(&x->request, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    nghttp2_nv *nv = h2_headers(&x->arena, lines, n, true);
    if (!nv)
        return ERR_NO_MEMORY;
    nghttp2_data_provider2 source = h2_stream_source(s);
    s->id =
        nghttp2_submit_request2(s->h2->ng, NULL, nv, n, h2_stream_bodiless(s) ? NULL : &source, s);
    if (s->id == NGHTTP2_ERR_NOMEM)
        return ERR_NO_MEMORY;
    return s->id > 0 ? 0 : ERR_CLOSED;
}

int h2_back_open(struct http_client *client, struct exchange *x, bool lend) {
    struct h2 *h2 = container_of(client, struct h2, client);
    check_magic(h2, H2_MAGIC);
    if (!client->usable || h2->failed || h2->ended)
        return ERR_CLOSED;
    if (client->n_streams >= client->max_streams)
        return ERR_LIMIT;
    struct h2_stream *s = h2_stream_new(h2, back_run);
    if (!s)
        return ERR_NO_MEMORY;
    h2_stream_enter(s, &x->response, &x->request);
    body_leave_budget(&x->response.body); /* the stream's window is granted */
    note_complete(s);
    int err = submit(s, x);
    if (err != 0) {
        client->usable = err != ERR_CLOSED;
        list_remove(&s->link);
        free(s);
        return err;
    }
    s->head_sent = true;
    client->n_streams++;
    client->n_requests++;
    if (lend)
        exchange_lend(x, &s->end);
    else
        exchange_take(x, &s->end);
    h2_wake(h2);
    return 0;
}

void h2_back_gone(struct h2_stream *s, enum reason reason) {
    exchange_lose(&s->end, s->head_came, s->started && s->fin_came, reason);
}
