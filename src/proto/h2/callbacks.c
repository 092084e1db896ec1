/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/h2/stream.h"

/* What nghttp2 tells, from inside nghttp2_session_mem_recv2 and _mem_send2. Nothing here
 * acts: bytes go into bodies, facts into members, and tasks are woken. */

static struct h2 *h2_of(void *context) {
    struct h2 *h2 = context;
    check_magic(h2, H2_MAGIC);
    return h2;
}

static struct mux_stream *stream_by_id(nghttp2_session *ng, int32_t id) {
    struct mux_stream *s = id > 0 ? nghttp2_session_get_stream_user_data(ng, id) : NULL;
    if (s)
        check_magic(s, MUX_STREAM_MAGIC);
    return s;
}

/* Both directions count in one limit: whether the client resets or makes us reset, the work
 * for an upstream is the same (CVE-2023-44487, CVE-2025-8671). */
static void count_reset(struct h2 *h2) {
    if (++h2->n_resets > h2->mux.env->limits->resets && h2->mux.server)
        h2_calm_down(h2, EXCESS_RESETS);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2 *h2 = h2_of(context);
    int32_t id = frame->hd.stream_id;
    struct mux_stream *s = stream_by_id(ng, id);
    if (!s && h2->mux.server && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        s = mux_front_new(&h2->mux, id);
        if (!s || nghttp2_session_set_stream_user_data(ng, id, s) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (s)
        mux_section_begin(s, s->head_came);
    return 0;
}

static struct str str_of_rcbuf(nghttp2_rcbuf *rcbuf) {
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(rcbuf);
    return (struct str){(const char *)vec.base, vec.len};
}

/* budget: the signature is nghttp2's */
static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *context) {
    (void)flags, (void)context;
    struct mux_stream *s = stream_by_id(ng, frame->hd.stream_id);
    if (!s || !s->end.x)
        return 0;
    if (head_builder_add(&s->head, str_of_rcbuf(name), str_of_rcbuf(value)) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

/* budget: the signature is nghttp2's */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *context) {
    (void)name, (void)value, (void)flags, (void)context;
    struct mux_stream *s = stream_by_id(ng, frame->hd.stream_id);
    if (s && s->end.x)
        head_builder_refuse(&s->head, "a field with characters that do not belong there");
    return 0;
}

static void settings_came(struct h2 *h2, const nghttp2_frame *frame) {
    if (h2->mux.server || (frame->hd.flags & NGHTTP2_FLAG_ACK))
        return;
    h2->mux.client.max_streams =
        nghttp2_session_get_remote_settings(h2->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    mux_tell_owner(&h2->mux, CLIENT_READY);
}

static void goaway_came(struct h2 *h2) {
    if (h2->mux.server)
        return;
    h2->mux.client.usable = false;
    mux_tell_owner(&h2->mux, CLIENT_GONE);
}

static void message_frame_came(struct h2 *h2, const nghttp2_frame *frame) {
    struct mux_stream *s = stream_by_id(h2->ng, frame->hd.stream_id);
    if (!s)
        return;
    if (frame->hd.type == NGHTTP2_HEADERS)
        mux_section_came(s);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        mux_stream_fin(s);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2 *h2 = h2_of(context);
    struct mux_stream *s = stream_by_id(ng, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
        message_frame_came(h2, frame);
        return 0;
    }
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM:
        count_reset(h2);
        if (s)
            s->reset_came = true;
        break;
    case NGHTTP2_SETTINGS: settings_came(h2, frame); break;
    case NGHTTP2_GOAWAY: goaway_came(h2); break;
    case NGHTTP2_PING:
        /* ours, sent behind the shutdown notice: what the client sent before it read that
         * has arrived */
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h2->draining)
            task_wake(&h2->task, STREAM_CAME);
        break;
    default: break;
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int err,
                            void *context) {
    (void)ng;
    struct h2 *h2 = h2_of(context);
    log_debug(h2->mux.env->log, "h2: invalid frame of type %u: %s", frame->hd.type,
              nghttp2_strerror(err));
    return 0;
}

/* budget: the signature is nghttp2's */
static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *context) {
    (void)flags;
    struct h2 *h2 = h2_of(context);
    struct mux_stream *s = stream_by_id(ng, id);
    if (s)
        mux_stream_data(s, p, n);
    else
        h2_credit(h2, n);
    return 0;
}

/* The answer is out, or will not be: it was the last. */
static void end_with(struct h2 *h2, int32_t id) {
    if (id != h2->last_answer || id == 0)
        return;
    if (h2->last_is_late)
        h2_terminate(h2, NGHTTP2_NO_ERROR);
    else
        h2_calm_down(h2, EXCESS_HEAD);
}

/* nghttp2 ends a connection so by itself for two limits, and gives a text for one of them. */
static void tell_excess(const struct h2 *h2, const nghttp2_goaway *goaway) {
    if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM && h2->mux.server && !h2->calmed)
        excess_tell(h2->mux.env, h2->mux.peer,
                    goaway->opaque_data_len > 0 ? EXCESS_SETTINGS : EXCESS_GLITCHES);
}

static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2 *h2 = h2_of(context);
    int32_t id = frame->hd.stream_id;
    struct mux_stream *s = stream_by_id(ng, id);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if (s && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
            s->fin_sent = true;
            end_with(h2, id);
            mux_stream_came(s);
        }
        break;
    case NGHTTP2_RST_STREAM:
        if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
            count_reset(h2);
        break;
    case NGHTTP2_GOAWAY: tell_excess(h2, &frame->goaway); break;
    default: break;
    }
    return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *context) {
    struct h2 *h2 = h2_of(context);
    struct mux_stream *s = stream_by_id(ng, id);
    if (!s)
        return 0;
    s->closed = true;
    s->close_code = code;
    end_with(h2, id);
    mux_stream_came(s);
    if (!h2->mux.server) {
        h2->mux.client.n_streams--;
        mux_tell_owner(&h2->mux, CLIENT_READY);
    }
    return 0;
}

nghttp2_session_callbacks *h2_callbacks_new(void) {
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_callbacks_set_send_data_callback(c, h2_stream_send_data);
    return c;
}
