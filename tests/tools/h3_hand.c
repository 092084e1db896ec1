/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "net/port.h"
#include "tls/context.h"
#include "wire/h3_hand.h"

/* h3_hand PORT HOST: one HTTP/3 connection to 127.0.0.1 whose streams carry bytes written by hand,
 * by words on standard input, a line each. Certificates are not checked. It begins by opening a
 * control stream, says "open" when it may be written, and ends with its input. Bytes are in hex.
 *
 *   open BYTES    a request stream that begins so: "stream ID"; whole BYTES: and so ends
 *   send ID BYTES more of it
 *   end ID        FIN
 *   reset ID      RESET_STREAM and STOP_SENDING
 *   close         says goodbye
 *
 * It tells, when it happens: "began ID" of an answer, "end ID STATUS", "reset ID CODE", "gone WHY".
 * STATUS is 0 when none came, -1 when it is not understood. */

struct writer {
    struct loop *loop;
    struct turn turn;
    struct log log;
    struct tls_context *tls;
    struct port *port;
    struct datagram_engine *engine;
    struct hand hand;
    bool is_open;
    bool began[HAND_STREAMS], told[HAND_STREAMS];
    struct loop_watch words;
    char line[65536];
    size_t line_n;
};

static void fail(const char *what, int err) {
    fprintf(stderr, "h3_hand: %s: %s\n", what, err_text(err));
    exit(1);
}

static void tell(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level;
    fprintf(stderr, "h3_hand: %.*s\n", (int)n, line);
}

static void came(struct hand *h, struct hand_stream *s) {
    struct writer *w = container_of(h, struct writer, hand);
    if (!s && h->freed) {
        printf("gone %s\n", quic_client_error(w->engine));
    } else if (!s && !w->is_open) {
        w->is_open = true;
        hand_control(h);
        puts("open");
    } else if (s && !w->began[s - h->streams] && s->in.n > 0) {
        w->began[s - h->streams] = true;
        printf("began %lld\n", (long long)s->id);
    }
    if (s && !w->told[s - h->streams] && (s->was_reset || s->in_fin)) {
        w->told[s - h->streams] = true;
        if (s->was_reset)
            printf("reset %lld 0x%llx\n", (long long)s->id, (unsigned long long)s->code);
        else
            printf("end %lld %d\n", (long long)s->id, hand_status(s));
    }
}

static struct quic_app *make_app(void *context, struct quic_conn *conn, const struct peer *peer) {
    struct writer *w = context;
    (void)peer;
    w->hand.came = came;
    return hand_init(&w->hand, conn);
}

/* ---- words ---- */

static void add_hex(struct buf *to, const char *hex) {
    unsigned byte;
    for (; hex && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        buf_char(to, (char)byte);
}

static struct hand_stream *find(struct writer *w, const char *id) {
    for (int i = 0; i < w->hand.n_streams; i++)
        if (id && w->hand.streams[i].id == atoll(id))
            return &w->hand.streams[i];
    fail("no such stream", ERR_INVALID);
    return NULL;
}

static void obey(struct writer *w, char *line) {
    char *word = strtok(line, " "), *one = strtok(NULL, " "), *two = strtok(NULL, " ");
    struct quic_conn *conn = w->hand.conn;
    if (!word || w->hand.freed)
        return;
    bool whole = strcmp(word, "whole") == 0;
    if (whole || strcmp(word, "open") == 0) {
        struct hand_stream *s = hand_open(&w->hand, false);
        s->fin = whole;
        add_hex(&s->out, one);
        printf("stream %lld\n", (long long)s->id);
    } else if (strcmp(word, "send") == 0) {
        add_hex(&find(w, one)->out, two);
    } else if (strcmp(word, "end") == 0) {
        find(w, one)->fin = true;
    } else if (strcmp(word, "reset") == 0) {
        quic_reset_stream(conn, find(w, one)->id, 0x10c);
        quic_stop_sending(conn, find(w, one)->id, 0x10c);
    } else if (strcmp(word, "close") == 0) {
        quic_close(conn, 0x100, "");
    } else {
        fail(word, ERR_INVALID);
    }
    quic_wake(conn);
}

static void on_words(struct loop_watch *watch, int events) {
    struct writer *w = container_of(watch, struct writer, words);
    (void)events;
    ssize_t n = read(0, w->line + w->line_n, sizeof(w->line) - w->line_n);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0 || w->line_n + (size_t)n == sizeof(w->line))
        exit(0);
    w->line_n += (size_t)n;
    for (char *end; (end = memchr(w->line, '\n', w->line_n));) {
        size_t used = (size_t)(end - w->line) + 1;
        *end = '\0';
        obey(w, w->line);
        w->line_n -= used;
        memmove(w->line, w->line + used, w->line_n);
    }
}

static void start(struct writer *w, const char *port, const char *host) {
    struct port_config config = {.loop = w->loop, .log = &w->log};
    struct quic_config q;
    struct addr to;
    addr_from_ip(STR("127.0.0.1"), (uint16_t)atoi(port), &to);
    addr_from_ip(STR("0.0.0.0"), 0, &config.addr);
    config.connect_to = &to;
    quic_config_default(&q);
    q.turn = &w->turn;
    q.log = &w->log;
    q.tls = w->tls;
    q.accept = make_app;
    q.context = w;
    int err = port_open(&config, &w->port);
    if (err != 0)
        fail("no socket", err);
    w->engine = quic_client_new(&q, port_addr(w->port), &to, host);
    if (!w->engine)
        fail("no connection", ERR_NO_MEMORY);
    port_start(w->port, w->engine);
}

int main(int argc, char **argv) {
    static struct writer w;
    struct tls_client_config tls = {.transport = TLS_QUIC, .alpn = "h3", .insecure = true};
    char problem[256] = "";
    if (argc != 3) {
        fprintf(stderr, "usage: h3_hand PORT HOST\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever started it is gone */
    setvbuf(stdout, NULL, _IOLBF, 0);
    turn_init(&w.turn);
    w.log = (struct log){.level = LOG_ERROR, .write = tell};
    w.loop = loop_new(&w.turn);
    int err = tls_client_context_new(&tls, &w.tls, problem, sizeof(problem));
    if (err != 0)
        fail(problem, err);
    if (!w.loop || loop_watch_init(&w.words, w.loop, 0, on_words) != 0)
        fail("cannot start", ERR_NO_MEMORY);
    loop_watch_set(&w.words, LOOP_READ);
    turn_begin(&w.turn, SECOND_NS, 1);
    start(&w, argv[1], argv[2]);
    loop_run(w.loop);
    return 0;
}
