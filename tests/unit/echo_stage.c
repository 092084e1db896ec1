/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "handler/echo/echo.h"

static int on_response(struct exchange *x) {
    struct stage *s = x->env->owner;

    s->status = x->response.status;
    s->length = x->response.content_length;
    for (size_t i = 0; i < x->response.fields.n; i++)
        buf_format(&s->head, STR_FMT ": " STR_FMT "\n", STR_ARG(x->response.fields.v[i].name),
                   STR_ARG(x->response.fields.v[i].value));
    return 0;
}

static const struct hook watching = {.name = "watching", .response = on_response};

int stage_set_up(void **state) {
    struct stage *s = test_calloc(1, sizeof *s);

    world_start(&s->w);
    s->w.env.route = echo_open;
    s->w.env.owner = s;
    s->w.hooks[0] = &watching;
    s->w.limits.body_buffer_bytes = 20000;
    s->peer.version = HTTP_2;
    s->peer.secure = true;
    buf_init(&s->head);
    json_init(&s->json);
    turn_begin(&s->w.turn, 1000 * SECOND_NS, 0);
    *state = s;
    return 0;
}

static void forget(struct stage *s) {
    if (s->begun)
        fake_front_end(&s->front);
    s->front = (struct fake_front){0};
    json_fini(&s->json);
    json_init(&s->json);
    s->value = NULL;
    buf_reset(&s->head);
    s->status = 0;
}

int stage_tear_down(void **state) {
    struct stage *s = *state;

    forget(s);
    world_end(&s->w);
    buf_fini(&s->head);
    json_fini(&s->json);
    test_free(s);
    return 0;
}

struct exchange *stage_begin(struct stage *s, const char *line, struct str body) {
    static char method[32];
    struct str rest = str_of(line), word;

    forget(s);
    assert_true(str_cut(&rest, ' ', &word));
    assert_true(word.n < sizeof method);
    memcpy(method, word.p, word.n);
    method[word.n] = '\0';
    fake_front_start(&s->w, &s->front, method, body);
    s->begun = true;
    struct exchange *x = s->front.end.x;
    x->peer = &s->peer;
    x->request.path = rest;
    return x;
}

void stage_field(struct stage *s, const char *name, const char *value) {
    struct fields *f = &s->front.end.x->request.fields;

    assert_int_equal(fields_add(f, str_of(name), str_of(value)), 0);
}

static void check_end(struct stage *s) {
    struct json_limits limits = {1 << 20, 100};

    assert_true(s->front.done || s->front.reset);
    assert_int_equal(s->w.env.n_exchanges, 0);
    assert_int_equal(s->w.pool.n_live, 0);
    if (json_parse(&s->json, buf_view(&s->front.got), limits, &s->value))
        s->value = NULL;
}

void stage_finish(struct stage *s) {
    uint64_t at_ns;

    world_run(&s->w);
    while ((at_ns = turn_next_ns(&s->w.turn)) != UINT64_MAX) {
        turn_begin(&s->w.turn, at_ns, 0);
        world_run(&s->w);
    }
    check_end(s);
}

void stage_ask(struct stage *s, const char *line) {
    stage_begin(s, line, STR(""));
    stage_finish(s);
}

void stage_assert_json(struct stage *s, const char *pointer, const char *wanted) {
    struct json_value *value = json_at(s->value, pointer);
    struct buf text;

    buf_init(&text);
    if (value)
        assert_int_equal(json_print(&s->json, value, JSON_SORTED, &text), 0);
    assert_string_equal(text.p ? (char *)text.p : "(nothing)", wanted);
    buf_fini(&text);
}

void stage_assert_body(struct stage *s, const char *wanted) {
    assert_string_equal(s->front.got.p ? (char *)s->front.got.p : "", wanted);
}

bool stage_has_head(const struct stage *s, const char *line) {
    struct str rest = buf_view(&s->head), one;

    while (str_cut(&rest, '\n', &one))
        if (str_eq(one, str_of(line)))
            return true;
    return false;
}

void stage_assert_head(struct stage *s, const char *line) {
    if (!stage_has_head(s, line))
        fail_msg("no \"%s\" in:\n%s", line, (char *)s->head.p);
}
