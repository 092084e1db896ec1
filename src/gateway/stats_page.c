/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/stats_page.h"

#include "gateway/metrics.h"
#include "sys/process.h"

static const char *const versions[STATS_VERSIONS] = {"h1", "h2", "h3"};

/* One label, and the list's end. */
#define ONE_LABEL(name, value) \
    (struct metrics_label[]) { \
        {name, value}, { \
            NULL, { \
                NULL, 0 \
            } \
        } \
    }

/* ---- requests ---- */

/* A cell with the labels of all its samples; the fourth is the family's own. */
struct series {
    const struct stats_cell *cell;
    struct metrics_label labels[5];
};

typedef void print_cell(const struct series *s, struct buf *to);

static void print_requests(const struct series *s, struct buf *to) {
    static const char *const classes[STATS_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct series own = *s;

    for (size_t i = 0; i < STATS_CLASSES; i++) {
        own.labels[3] = (struct metrics_label){"code", str_of(classes[i])};
        if (s->cell->requests[i])
            metrics_count(to, "h3gw_requests_total", own.labels, s->cell->requests[i]);
    }
}

static void print_durations(const struct series *s, struct buf *to) {
    struct metrics_histogram h = {stats_bounds_ns, s->cell->durations, STATS_BOUNDS,
                                  s->cell->duration_ns};

    metrics_histogram(to, "h3gw_request_duration_seconds", s->labels, &h);
}

static void print_request_bytes(const struct series *s, struct buf *to) {
    metrics_count(to, "h3gw_request_body_bytes_total", s->labels, s->cell->request_bytes);
}

static void print_response_bytes(const struct series *s, struct buf *to) {
    metrics_count(to, "h3gw_response_body_bytes_total", s->labels, s->cell->response_bytes);
}

static bool is_empty(const struct stats_cell *c) {
    uint64_t sum = 0;

    for (size_t i = 0; i < STATS_CLASSES; i++)
        sum += c->requests[i];
    return sum == 0;
}

static void each_version(const struct stats_row *row, print_cell *print, struct buf *to) {
    struct series s = {.labels = {{"server", row->server}, {"route", row->route}}};

    for (size_t i = 0; i < STATS_VERSIONS; i++) {
        s.cell = &row->versions[i];
        s.labels[2] = (struct metrics_label){"version", str_of(versions[i])};
        if (!is_empty(s.cell))
            print(&s, to);
    }
}

static void each_cell(const struct stats *st, print_cell *print, struct buf *to) {
    list_each(&st->rows, at, next)
        each_version(list_entry(at, struct stats_row, link), print, to);
}

static void requests(const struct stats *st, struct buf *to) {
    metrics_family(to, "h3gw_requests_total", "counter",
                   "Requests that ended, by the first digit of the status; route is empty when "
                   "none was found.");
    each_cell(st, print_requests, to);
    metrics_family(to, "h3gw_request_duration_seconds", "histogram",
                   "From a request's head to its end, the response's last byte handed over.");
    each_cell(st, print_durations, to);
    metrics_family(to, "h3gw_request_body_bytes_total", "counter",
                   "Bytes of request bodies received from clients.");
    each_cell(st, print_request_bytes, to);
    metrics_family(to, "h3gw_response_body_bytes_total", "counter",
                   "Bytes of response bodies sent to clients.");
    each_cell(st, print_response_bytes, to);
    metrics_family(to, "h3gw_requests_active", "gauge", "Requests being answered.");
    metrics_count(to, "h3gw_requests_active", NULL, st->exchanges);
}

/* ---- clients' connections ---- */

static void connections(const struct stats *st, struct buf *to) {
    metrics_family(to, "h3gw_connections_total", "counter", "Connections of clients accepted.");
    metrics_count(to, "h3gw_connections_total", ONE_LABEL("transport", STR("tcp")),
                  st->tcp_connections);
    metrics_count(to, "h3gw_connections_total", ONE_LABEL("transport", STR("quic")),
                  st->quic.connections);
    metrics_family(to, "h3gw_connections_active", "gauge", "Connections of clients now.");
    metrics_count(to, "h3gw_connections_active", ONE_LABEL("transport", STR("tcp")), st->tcp_now);
    metrics_count(to, "h3gw_connections_active", ONE_LABEL("transport", STR("quic")), st->quic_now);
}

static void failures_of(const uint64_t failures[ERR_KINDS], struct str transport, struct buf *to) {
    for (int i = 1; i < ERR_KINDS; i++) {
        struct metrics_label labels[] = {
            {"transport", transport}, {"reason", str_of(err_word(-i))}, {NULL, {NULL, 0}}};
        if (failures[i])
            metrics_count(to, "h3gw_handshake_failures_total", labels, failures[i]);
    }
}

static void handshakes(const struct stats *st, struct buf *to) {
    metrics_family(to, "h3gw_handshakes_total", "counter",
                   "TLS and QUIC handshakes that were completed.");
    for (size_t i = 0; i < STATS_VERSIONS; i++)
        for (size_t resumed = 0; resumed < 2; resumed++) {
            struct metrics_label labels[] = {{"version", str_of(versions[i])},
                                             {"resumed", resumed ? STR("true") : STR("false")},
                                             {NULL, {NULL, 0}}};
            metrics_count(to, "h3gw_handshakes_total", labels, st->handshakes[i][resumed]);
        }
    metrics_family(to, "h3gw_early_data_total", "counter",
                   "Handshakes whose early data (0-RTT) was taken.");
    for (size_t i = 0; i < STATS_VERSIONS; i++)
        metrics_count(to, "h3gw_early_data_total", ONE_LABEL("version", str_of(versions[i])),
                      st->early_data[i]);
    metrics_family(to, "h3gw_handshake_failures_total", "counter",
                   "Handshakes that failed; refused: by an alert of the client, as one that does "
                   "not trust the certificate sends.");
    failures_of(st->tcp_failures, STR("tcp"), to);
    failures_of(st->quic.failures, STR("quic"), to);
}

static void counter(struct buf *to, const char *name, const char *help, uint64_t value) {
    metrics_family(to, name, "counter", help);
    metrics_count(to, name, NULL, value);
}

static void gauge(struct buf *to, const char *name, const char *help, uint64_t value) {
    metrics_family(to, name, "gauge", help);
    metrics_count(to, name, NULL, value);
}

static void quic(const struct stats *st, struct buf *to) {
    const struct quic_counters *q = &st->quic;

    gauge(to, "h3gw_quic_handshakes_active", "QUIC connections whose handshake is half open.",
          st->quic_handshakes_now);
    counter(to, "h3gw_quic_packets_sent_total", "QUIC packets sent.", q->packets_sent);
    counter(to, "h3gw_quic_packets_received_total", "QUIC packets received.", q->packets_received);
    counter(to, "h3gw_quic_packets_lost_total", "QUIC packets sent and taken for lost.",
            q->packets_lost);
    counter(to, "h3gw_quic_migrations_total", "Connections that went on from another address.",
            q->migrations);
    counter(to, "h3gw_quic_retries_total", "Retry packets sent.", q->retries);
    metrics_family(to, "h3gw_quic_rtt_seconds", "summary",
                   "Smoothed round-trip time of connections, when they ended.");
    metrics_seconds(to, "h3gw_quic_rtt_seconds_sum", NULL, q->rtt_ns);
    metrics_count(to, "h3gw_quic_rtt_seconds_count", NULL, q->rtts);
}

/* ---- upstreams ---- */

typedef void print_origin(const struct stats_origin *n, struct metrics_label labels[4],
                          struct buf *to);

static void print_connects(const struct stats_origin *n, struct metrics_label labels[4],
                           struct buf *to) {
    metrics_count(to, "h3gw_upstream_connects_total", labels, n->connects);
}

static void print_connect_failures(const struct stats_origin *n, struct metrics_label labels[4],
                                   struct buf *to) {
    metrics_count(to, "h3gw_upstream_connect_failures_total", labels, n->failures);
}

static void print_pool(const struct stats_origin *n, struct metrics_label labels[4],
                       struct buf *to) {
    const struct {
        struct str name;
        size_t n;
    } states[] = {
        {STR("connecting"), n->connecting}, {STR("idle"), n->idle}, {STR("busy"), n->busy}};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        labels[2] = (struct metrics_label){"state", states[i].name};
        metrics_count(to, "h3gw_upstream_connections", labels, states[i].n);
    }
}

static void each_origin(const struct stats *st, print_origin *print, struct buf *to) {
    list_each(&st->origins, at, next) {
        const struct stats_origin *o = list_entry(at, struct stats_origin, link);
        struct metrics_label labels[4] = {{"upstream", o->upstream}, {"origin", o->name}};
        print(o, labels, to);
    }
}

static void upstreams(const struct stats *st, struct buf *to) {
    metrics_family(to, "h3gw_upstream_connects_total", "counter",
                   "Connections to upstreams that were made.");
    each_origin(st, print_connects, to);
    metrics_family(to, "h3gw_upstream_connect_failures_total", "counter",
                   "Connections to upstreams that could not be made.");
    each_origin(st, print_connect_failures, to);
    metrics_family(to, "h3gw_upstream_connections", "gauge", "Connections to upstreams now.");
    each_origin(st, print_pool, to);
}

/* ---- the process, by the names that Prometheus' own clients give ---- */

static void process(uint64_t begin_s, struct buf *to) {
    struct process_facts f;

    process_look(&f);
    metrics_family(to, "process_cpu_seconds_total", "counter",
                   "User and system CPU time spent, in seconds.");
    metrics_seconds(to, "process_cpu_seconds_total", NULL, f.cpu_ns);
    gauge(to, "process_open_fds", "Open file descriptors.", f.open_fds);
    gauge(to, "process_max_fds", "Most file descriptors that may be open.", f.max_fds);
    gauge(to, "process_resident_memory_bytes", "Resident memory in bytes.", f.resident_bytes);
    gauge(to, "process_virtual_memory_bytes", "Virtual memory in bytes.", f.virtual_bytes);
    gauge(to, "process_start_time_seconds", "Start of the gateway, in seconds since 1970.",
          begin_s);
}

void stats_page(const struct stats *sum, uint64_t begin_s, struct buf *to) {
    requests(sum, to);
    connections(sum, to);
    handshakes(sum, to);
    quic(sum, to);
    upstreams(sum, to);
    process(begin_s, to);
}
