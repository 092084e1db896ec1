/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/mux/stream.h"

/* Called by the library's callbacks, so nothing here acts. */

void mux_section_begin(struct mux_stream *s, bool trailers) {
    if (!s || !s->end.x)
        return;
    enum section head = s->mux->server ? SECTION_REQUEST : SECTION_RESPONSE;
    head_builder_init(&s->head, trailers ? SECTION_TRAILERS : head, s->arena, s->mux->env->limits);
}

static enum reason reason_of(const struct mux_stream *s, int verdict) {
    bool server = s->mux->server;
    switch (verdict) {
    case ERR_NO_MEMORY: return REASON_NO_MEMORY;
    case ERR_LIMIT: return server ? REASON_HEAD_TOO_LARGE : REASON_UPSTREAM_TOO_LARGE;
    default: return server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL;
    }
}

static void request_came(struct mux_stream *s) {
    s->head_came = true;
    s->head_verdict = head_builder_request(&s->head, s->in);
    s->head_problem = s->head.problem;
    mux_stream_came(s);
}

static void response_came(struct mux_stream *s) {
    int err = head_builder_response(&s->head, s->in);
    if (err != 0) {
        mux_stream_break(s, reason_of(s, err));
        return;
    }
    if (s->head.status < 200) {
        exchange_inform(s->end.x, s->head.status, &s->head.fields);
        return;
    }
    s->head_came = true;
    mux_stream_came(s);
}

static void trailers_came(struct mux_stream *s) {
    int err = head_builder_trailers(&s->head, &s->in->trailers);
    if (err != 0)
        mux_stream_break(s, reason_of(s, err));
}

void mux_section_came(struct mux_stream *s) {
    if (!s || !s->end.x)
        return;
    switch (s->head.section) {
    case SECTION_REQUEST: request_came(s); break;
    case SECTION_RESPONSE: response_came(s); break;
    case SECTION_TRAILERS: trailers_came(s); break;
    }
}
