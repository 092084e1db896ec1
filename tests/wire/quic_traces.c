/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic_traces.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"

static struct quic_trace *begin(struct quic_qlog *keeper, const uint8_t *id, size_t n) {
    struct traces *t = container_of(keeper, struct traces, keeper);
    if (t->refuse)
        return NULL;
    check(t->n < TRACES && n <= 20);
    struct trace *trace = &t->v[t->n++];
    trace->base.keeper = keeper;
    buf_init(&trace->records);
    for (size_t i = 0; i < n; i++)
        (void)snprintf(trace->id + 2 * i, 3, "%02x", id[i]);
    return &trace->base;
}

static void add(struct quic_trace *base, const void *p, size_t n) {
    struct trace *trace = container_of(base, struct trace, base);
    check(!trace->over && n > 0);
    buf_add(&trace->records, p, n);
}

static void end(struct quic_trace *base, bool keep) {
    struct trace *trace = container_of(base, struct trace, base);
    check(!trace->over);
    trace->over = true;
    trace->kept = keep;
}

void traces_init(struct traces *t) {
    *t = (struct traces){.keeper = {begin, add, end}};
}

void traces_fini(struct traces *t) {
    for (unsigned i = 0; i < t->n; i++) {
        check(t->v[i].over);
        buf_fini(&t->v[i].records);
    }
}

static void check_head(const struct trace *trace, struct json_value *head, const char *role) {
    check(str_eq(json_text(json_at(head, "/qlog_format")), STR("JSON-SEQ")));
    check(str_eq(json_text(json_at(head, "/trace/vantage_point/type")), str_of(role)));
    check(json_text(json_at(head, "/trace/common_fields/group_id")).n <= strlen(trace->id));
}

/* The name of an event; the head has none. */
static struct str check_event(struct json_value *event, uint64_t *at) {
    uint64_t time = 0;
    check(json_to_u64(json_get(event, STR("time")), &time) == 0 && time >= *at);
    check(json_type(json_get(event, STR("data"))) == JSON_OBJECT);
    *at = time;
    return json_text(json_get(event, STR("name")));
}

static bool holds(struct str line, const char *text) {
    return memmem(line.p, line.n, text, strlen(text)) != NULL;
}

unsigned trace_count(const struct trace *trace, const char *role, const char *name,
                     const char *text) {
    static const struct json_limits limits = {100000, 10};
    struct str rest = buf_view(&trace->records), line;
    unsigned n = 0;
    uint64_t at = 0;
    check(rest.n > 0 && rest.p[rest.n - 1] == '\n');
    for (bool first = true; str_cut(&rest, '\n', &line); first = false) {
        struct json j;
        struct json_value *value = NULL;
        json_init(&j);
        check(line.n > 0 && line.p[0] == '\x1e');
        line = (struct str){line.p + 1, line.n - 1};
        check(json_parse(&j, line, limits, &value) == 0);
        if (first)
            check_head(trace, value, role);
        else if (str_eq(check_event(value, &at), str_of(name)) && holds(line, text))
            n++;
        json_fini(&j);
    }
    return n;
}
