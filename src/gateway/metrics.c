/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/metrics.h"

#include <stdio.h>

#include "base/check.h"
#include "base/turn.h"
#include "base/utf8.h"

enum { MAX_LABELS = 4, SECONDS_TEXT = 40 };

void metrics_family(struct buf *to, const char *name, const char *type, const char *help) {
    buf_format(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_escaped(struct buf *to, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '\\': buf_str(to, STR("\\\\")); break;
        case '"': buf_str(to, STR("\\\"")); break;
        case '\n': buf_str(to, STR("\\n")); break;
        default: buf_char(to, s.p[i]);
        }
    }
}

static void add_value(struct buf *to, struct str value) {
    struct buf repaired;

    if (utf8_valid(value)) {
        add_escaped(to, value);
        return;
    }
    buf_init(&repaired);
    utf8_repair(value, &repaired);
    to->failed = to->failed || repaired.failed;
    add_escaped(to, buf_view(&repaired));
    buf_fini(&repaired);
}

static void add_series(struct buf *to, const char *name, const struct metrics_label *labels) {
    buf_str(to, str_of(name));
    for (size_t i = 0; labels && labels[i].name; i++) {
        buf_format(to, "%s%s=\"", i ? "," : "{", labels[i].name);
        add_value(to, labels[i].value);
        buf_char(to, '"');
    }
    buf_str(to, labels && labels[0].name ? STR("} ") : STR(" "));
}

/* 0.005, 1, 12.000000001: exact, and without the zeros that say nothing. */
static struct str seconds(uint64_t ns, char text[SECONDS_TEXT]) {
    int n = snprintf(text, SECONDS_TEXT, "%llu.%09llu", (unsigned long long)(ns / SECOND_NS),
                     (unsigned long long)(ns % SECOND_NS));

    while (n > 0 && text[n - 1] == '0')
        n--;
    if (n > 0 && text[n - 1] == '.')
        n--;
    text[n] = '\0';
    return (struct str){text, (size_t)n};
}

void metrics_count(struct buf *to, const char *name, const struct metrics_label *labels,
                   uint64_t value) {
    add_series(to, name, labels);
    buf_u64(to, value);
    buf_char(to, '\n');
}

void metrics_seconds(struct buf *to, const char *name, const struct metrics_label *labels,
                     uint64_t value_ns) {
    char text[SECONDS_TEXT];

    add_series(to, name, labels);
    buf_str(to, seconds(value_ns, text));
    buf_char(to, '\n');
}

void metrics_histogram(struct buf *to, const char *name, const struct metrics_label *labels,
                       const struct metrics_histogram *h) {
    struct metrics_label all[MAX_LABELS + 2] = {0};
    char series[96], text[SECONDS_TEXT];
    size_t n_labels = 0;
    uint64_t sum = 0;

    for (; labels && labels[n_labels].name; n_labels++) {
        check(n_labels < MAX_LABELS);
        all[n_labels] = labels[n_labels];
    }
    snprintf(series, sizeof series, "%s_bucket", name);
    for (size_t i = 0; i <= h->n; i++) {
        sum += h->counts[i];
        all[n_labels] =
            (struct metrics_label){"le", i < h->n ? seconds(h->bounds_ns[i], text) : STR("+Inf")};
        metrics_count(to, series, all, sum);
    }
    snprintf(series, sizeof series, "%s_sum", name);
    metrics_seconds(to, series, labels, h->sum_ns);
    snprintf(series, sizeof series, "%s_count", name);
    metrics_count(to, series, labels, sum);
}
