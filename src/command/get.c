/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/get_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "command/subcommand.h"
#include "http/validate.h"

static const struct args_row rows[] = {
    {"http1.1", 0, ARGS_FLAG, NULL, "only HTTP/1.1", "Which version"},
    {"http2", 0, ARGS_FLAG, NULL, "only HTTP/2", NULL},
    {"http3", 0, ARGS_FLAG, NULL,
     "only HTTP/3; without a flag TCP is used, and HTTP/3 for the URLs "
     "after one whose alt-svc offered it",
     NULL},
    {"request", 'X', ARGS_VALUE, "METHOD", "instead of GET, or of POST with --data", "The request"},
    {"header", 'H', ARGS_LIST, "NAME: VALUE", "a field to send", NULL},
    {"data", 'd', ARGS_VALUE, "TEXT|@FILE", "the body; @- is standard input", NULL},
    {"location", 'L', ARGS_FLAG, NULL, "follow redirects, at most 10 (else none is followed)",
     "The response"},
    {"output", 'o', ARGS_VALUE, "FILE", "instead of standard output", NULL},
    {"verbose", 'v', ARGS_FLAG, NULL, "show handshake, heads and times on standard error", NULL},
    {"cacert", 0, ARGS_VALUE, "FILE", "trust these roots only (else the system's, and h3gw's CA)",
     "The connection"},
    {"insecure", 'k', ARGS_FLAG, NULL, "take any certificate", NULL},
    {"resolve", 0, ARGS_LIST, "HOST:PORT:ADDR", "the address to use for HOST:PORT", NULL},
    {"connect-timeout", 0, ARGS_VALUE, "SECONDS", "for name, connection and handshake (10)", NULL},
    {"max-time", 0, ARGS_VALUE, "SECONDS", "for everything (no limit)", NULL},
    {"qlog", 0, ARGS_VALUE, "DIR", "a folder for a qlog of each QUIC connection, ID.sqlog", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table table = {rows, sizeof rows / sizeof rows[0]};

enum { SCRATCH = 64 * 1024, FREE_CHUNKS = 64 };

__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...) {
    va_list list;

    va_start(list, format);
    fputs("h3gw get: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return STATUS_USAGE;
}

static void write_log(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log;
    fprintf(stderr, "h3gw get: %s: %.*s\n", log_level_text(level), (int)n, line);
}

/* ---- what was given ---- */

static bool list_fine(const struct args *a, const char *name, bool (*fine)(struct str value)) {
    for (size_t i = 0; i < a->n_given; i++)
        if (strcmp(a->table->rows[a->given[i].row].name, name) == 0 && !fine(a->given[i].value)) {
            usage("--%s \"" STR_FMT "\" is not %s", name, STR_ARG(a->given[i].value),
                  name[0] == 'h' ? "NAME: VALUE" : "HOST:PORT:ADDR");
            return false;
        }
    return true;
}

static bool field_fine(struct str value) {
    struct str name;

    return str_find(value, ':') > 0 && str_cut(&value, ':', &name) &&
           valid_field_name(str_trim(name)) && valid_field_value(str_trim(value));
}

static bool resolve_fine(struct str value) {
    struct str host, port;
    uint64_t number;
    struct addr addr;

    return str_cut(&value, ':', &host) && str_cut(&value, ':', &port) &&
           !str_to_u64(port, &number) && number > 0 && number < 65536 &&
           !addr_from_ip(value, (uint16_t)number, &addr);
}

static int seconds(const struct args *a, const char *name, uint64_t standard_s, uint64_t *ret_ns) {
    const char *text = args_value(a, name);
    char *end = NULL;
    double value = text ? strtod(text, &end) : (double)standard_s;

    if (text && (end == text || *end || !(value > 0 && value < 1e6)))
        return usage("--%s wants seconds, not \"%s\"", name, text);
    *ret_ns = (uint64_t)(value * 1e9);
    return 0;
}

static int choose_version(const struct args *a, struct get_options *o) {
    static const char *const names[] = {"http1.1", "http2", "http3"};

    for (int i = 0; i < 3; i++) {
        if (!args_has(a, names[i]))
            continue;
        if (o->version != GET_ANY)
            return usage("--http1.1, --http2 and --http3 exclude one another");
        o->version = (enum get_version)(GET_HTTP1 + i);
    }
    return 0;
}

/* 0 or an exit status. */
static int check_args(const struct args *a, struct get_options *o) {
    const char *method = args_value(a, "request");

    *o = (struct get_options){.args = a, .data_fd = -1, .out_fd = STDOUT_FILENO};
    o->verbose = args_has(a, "verbose");
    o->insecure = args_has(a, "insecure");
    o->follow = args_has(a, "location");
    o->method = str_of(method);
    if (a->n_words == 0)
        return usage("which URL? h3gw get --help tells more");
    if (method && !valid_token(o->method))
        return usage("\"%s\" is no method", method);
    if (!list_fine(a, "header", field_fine) || !list_fine(a, "resolve", resolve_fine))
        return STATUS_USAGE;
    if (seconds(a, "connect-timeout", 10, &o->connect_timeout_ns) ||
        seconds(a, "max-time", 0, &o->timeout_ns))
        return STATUS_USAGE;
    return choose_version(a, o);
}

static int open_data(const struct args *a, struct get_options *o) {
    const char *data = args_value(a, "data");
    struct stat st;

    if (!data)
        return 0;
    o->has_data = true;
    if (data[0] != '@') {
        o->data = str_of(data);
        o->data_length = (int64_t)o->data.n;
        return 0;
    }
    o->data_fd = strcmp(data, "@-") == 0 ? dup(STDIN_FILENO) : open(data + 1, O_RDONLY | O_CLOEXEC);
    if (o->data_fd < 0 || fstat(o->data_fd, &st)) {
        usage("cannot read %s: %s", data + 1, strerror(errno));
        return STATUS_FAILED;
    }
    o->data_begin = S_ISREG(st.st_mode) ? (int64_t)lseek(o->data_fd, 0, SEEK_CUR) : -1;
    o->data_length = o->data_begin >= 0 ? (int64_t)st.st_size - o->data_begin : LENGTH_UNKNOWN;
    return 0;
}

static int open_output(const struct args *a, struct get_options *o) {
    const char *path = args_value(a, "output");

    if (!path || strcmp(path, "-") == 0)
        return 0;
    o->out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (o->out_fd >= 0)
        return 0;
    usage("cannot write %s: %s", path, strerror(errno));
    return STATUS_FAILED;
}

/* ---- one URL ---- */

static int parse_url(struct getter *g, struct str url) {
    const char *problem = NULL;

    if (uri_parse(&g->arena, url, &g->uri, &problem))
        return usage("\"" STR_FMT "\": %s", STR_ARG(url), problem ? problem : "out of memory");
    bool secure = str_eq(g->uri.scheme, STR("https"));
    if (!secure && !str_eq(g->uri.scheme, STR("http")))
        return usage("\"" STR_FMT "\" is neither an https nor an http URL", STR_ARG(url));
    if (!secure && g->options->version == GET_HTTP3)
        return usage("HTTP/3 is always encrypted: write https://");
    return 0;
}

/* Without what it redirects to. */
static int get_url(struct getter *g, struct str url) {
    int status;

    arena_init(&g->arena, NULL, 0);
    list_init(&g->streams);
    g->state = GET_CONNECTING;
    status = parse_url(g, url);
    if (!status) {
        g->alt_port = g->options->version == GET_ANY ? get_learned(g) : 0;
        g->version = g->alt_port ? GET_HTTP3 : g->options->version;
        task_init(&g->task, &g->turn, get_connect_run);
        end_init(&g->front, &g->turn, get_front_run);
        g->begin_ns = g->turn.now_ns;
        get_connect(g);
        if (g->options->timeout_ns && g->state == GET_CONNECTING)
            task_at(&g->task, g->turn.now_ns);
        if (g->state == GET_CONNECTING)
            loop_run(g->loop);
        get_disconnect(g);
        task_fini(&g->task);
        status = g->state == GET_DONE ? STATUS_FINE : STATUS_FAILED;
    }
    arena_fini(&g->arena);
    return status;
}

static void forget(struct getter *g) {
    g->x = NULL;
    g->dial = NULL;
    g->stream = NULL;
    g->tls_engine = NULL;
    g->over_udp = false;
    g->tls = NULL;
    g->client = NULL;
    g->peer = NULL;
    g->head_seen = false;
    g->alt_port = 0;
    buf_reset(&g->location);
}

static int follow(struct getter *g, struct str word) {
    struct buf url;
    int status, n = 0;

    buf_init(&url);
    buf_str(&url, word);
    g->as_get = g->away = false;
    do {
        forget(g);
        status = get_url(g, buf_view(&url));
        buf_reset(&url);
        buf_str(&url, buf_view(&g->location));
    } while (!status && url.n > 0 && ++n <= GET_MAX_REDIRECTS);
    if (n > 0 && status == STATUS_USAGE) /* the server wrote that URL */
        status = STATUS_FAILED;
    if (!status && url.n > 0) {
        usage("more than %d redirects, the last one to " STR_FMT, GET_MAX_REDIRECTS,
              STR_ARG(buf_view(&url)));
        status = STATUS_FAILED;
    }
    buf_fini(&url);
    return status;
}

static int init(struct getter *g, const struct get_options *o) {
    const char *keylog = getenv("SSLKEYLOGFILE");

    *g = (struct getter){.options = o, .log = {.level = LOG_WARN, .write = write_log}};
    turn_init(&g->turn);
    chunk_pool_init(&g->chunks, FREE_CHUNKS);
    http_env_init(&g->http, &g->turn, &g->chunks);
    http_limits_default(&g->limits);
    g->http.limits = &g->limits;
    g->http.log = &g->log;
    g->http.scratch_bytes = SCRATCH;
    g->http.scratch = malloc(SCRATCH);
    g->keylog.fd = -1;
    qlog_init(&g->qlog, &g->turn, &g->log);
    buf_init(&g->ca_pem);
    buf_init(&g->location);
    g->loop = loop_new(&g->turn);
    g->resolver = g->loop ? resolver_new(g->loop, &g->log) : NULL;
    if (!g->http.scratch || !g->resolver)
        return usage("out of memory");
    if (keylog && keylog[0] && keylog_open(&g->keylog, keylog, &g->log))
        return STATUS_FAILED;
    if (qlog_open(&g->qlog, str_of(args_value(o->args, "qlog"))))
        return STATUS_FAILED;
    return get_roots(g);
}

static void fini(struct getter *g) {
    resolver_free(g->resolver);
    while (g->loop && turn_run(&g->turn, SIZE_MAX))
        ;
    loop_free(g->loop);
    keylog_close(&g->keylog);
    qlog_fini(&g->qlog);
    free(g->http.scratch);
    buf_fini(&g->ca_pem);
    buf_fini(&g->location);
    turn_fini(&g->turn);
    chunk_pool_fini(&g->chunks);
}

static int get(const void *context, const struct args *args) {
    (void)context;
    struct get_options options;
    struct getter g;
    int status = check_args(args, &options);

    if (!status)
        status = open_data(args, &options);
    if (!status)
        status = open_output(args, &options);
    if (status)
        return status;
    signal(SIGPIPE, SIG_IGN);
    status = init(&g, &options);
    for (size_t i = 0; i < args->n_words && !status; i++)
        status = follow(&g, args->words[i]);
    fini(&g);
    return status;
}

int command_get(int argc, char **argv) {
    static const struct subcommand command = {
        "get",
        "Usage: h3gw get [FLAG]... URL...\n\n"
        "Fetch URLs over HTTP/1.1, HTTP/2 or HTTP/3. An answer is an\n"
        "answer: the exit status is 0 whatever its status says.\n\n",
        &table,
        get,
        NULL,
    };
    return subcommand_run(&command, argc, argv);
}
