/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/turn.h"
#include "gateway/metrics.h"

#define LABEL(value) \
    (struct metrics_label[]) { \
        {"name", value}, { \
            NULL, { \
                NULL, 0 \
            } \
        } \
    }

static void assert_text(struct buf *b, const char *wanted) {
    assert_false(b->failed);
    assert_string_equal((char *)b->p, wanted);
    buf_fini(b);
    buf_init(b);
}

static void families(void **state) {
    struct buf b;

    (void)state;
    buf_init(&b);
    metrics_family(&b, "a_total", "counter", "All of a.");
    metrics_count(&b, "a_total", NULL, UINT64_MAX);
    assert_text(&b, "# HELP a_total All of a.\n# TYPE a_total counter\n"
                    "a_total 18446744073709551615\n");
    buf_fini(&b);
}

static void labels(void **state) {
    struct buf b;

    (void)state;
    buf_init(&b);
    metrics_count(&b, "a", LABEL(STR("")), 0);
    assert_text(&b, "a{name=\"\"} 0\n");
    metrics_count(&b, "a", LABEL(STR("q\"b\\n\nt\t\xc3\xbc")), 1);
    assert_text(&b, "a{name=\"q\\\"b\\\\n\\nt\t\xc3\xbc\"} 1\n");
    metrics_count(&b, "a", LABEL(STR("\xff\"")), 1);
    assert_text(&b, "a{name=\"\xef\xbf\xbd\\\"\"} 1\n");
    metrics_count(&b, "a",
                  (struct metrics_label[]){{"x", STR("1")}, {"y", STR("2")}, {NULL, {NULL, 0}}}, 1);
    assert_text(&b, "a{x=\"1\",y=\"2\"} 1\n");
    buf_fini(&b);
}

static void seconds(void **state) {
    struct buf b;

    (void)state;
    buf_init(&b);
    metrics_seconds(&b, "a", NULL, 0);
    assert_text(&b, "a 0\n");
    metrics_seconds(&b, "a", NULL, 1);
    assert_text(&b, "a 0.000000001\n");
    metrics_seconds(&b, "a", NULL, 10 * SECOND_NS);
    assert_text(&b, "a 10\n");
    metrics_seconds(&b, "a", NULL, 100 * SECOND_NS + 250 * MS_NS);
    assert_text(&b, "a 100.25\n");
    buf_fini(&b);
}

static void histogram(void **state) {
    static const uint64_t bounds[] = {5 * MS_NS, SECOND_NS}, counts[] = {3, 0, 2};
    struct metrics_histogram h = {bounds, counts, 2, 1500 * MS_NS};
    struct buf b;

    (void)state;
    buf_init(&b);
    metrics_histogram(&b, "h", LABEL(STR("x")), &h);
    assert_text(&b, "h_bucket{name=\"x\",le=\"0.005\"} 3\n"
                    "h_bucket{name=\"x\",le=\"1\"} 3\n"
                    "h_bucket{name=\"x\",le=\"+Inf\"} 5\n"
                    "h_sum{name=\"x\"} 1.5\n"
                    "h_count{name=\"x\"} 5\n");
    metrics_histogram(&b, "h", NULL, &h);
    assert_text(&b, "h_bucket{le=\"0.005\"} 3\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 5\n"
                    "h_sum 1.5\nh_count 5\n");
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families),
        cmocka_unit_test(labels),
        cmocka_unit_test(seconds),
        cmocka_unit_test(histogram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
