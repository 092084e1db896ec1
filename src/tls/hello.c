/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/hello.h"

enum {
    HANDSHAKE = 22, /* type of a record (RFC 8446 5.1) */
    CLIENT_HELLO = 1,
    RECORD_HEAD = 5,
    FRAGMENT_MAX = 16384,
    MESSAGE_HEAD = 4,
    RANDOM = 32,
    SESSION_ID_MAX = 32,
};

/* ---- reading ---- */

/* Numbers of TLS: so many bytes, the highest first. */
static size_t number(const char *p, size_t n) {
    size_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | (uint8_t)p[i];
    return value;
}

static bool take(struct str *from, size_t n, struct str *ret_taken) {
    if (from->n < n)
        return false;
    *ret_taken = (struct str){from->p, n};
    *from = (struct str){from->p + n, from->n - n};
    return true;
}

static bool take_number(struct str *from, size_t n, size_t *ret_value) {
    struct str bytes;
    if (!take(from, n, &bytes))
        return false;
    *ret_value = number(bytes.p, n);
    return true;
}

/* A vector: its length in so many bytes, then its content. */
static bool take_vector(struct str *from, size_t length_bytes, struct str *ret_content) {
    size_t n;
    return take_number(from, length_bytes, &n) && take(from, n, ret_content);
}

/* ---- records ---- */

/* The fragment of the first record, as far as it is there. */
static enum hello_verdict cut_record(struct str *input, bool first, struct str *ret_fragment) {
    struct str head;
    *ret_fragment = (struct str){NULL, 0};
    if (input->n == 0)
        return HELLO_MORE;
    if (input->p[0] != HANDSHAKE || (input->n > 1 && input->p[1] != 3))
        return first ? HELLO_NOT_TLS : HELLO_MALFORMED;
    if (!take(input, RECORD_HEAD, &head))
        return HELLO_MORE;
    size_t n = number(head.p + 3, 2);
    if (n == 0 || n > FRAGMENT_MAX)
        return HELLO_MALFORMED;
    (void)take(input, n < input->n ? n : input->n, ret_fragment);
    return HELLO_DONE;
}

/* The message from its records into to, which has HELLO_MAX bytes: it may have been cut
 * anywhere, even within its head. */
static enum hello_verdict gather(struct str input, char *to, struct str *ret_message) {
    size_t n = 0;
    for (bool first = true;; first = false) {
        struct str fragment;
        enum hello_verdict verdict = cut_record(&input, first, &fragment);
        if (verdict != HELLO_DONE)
            return verdict;
        size_t more = fragment.n < HELLO_MAX - n ? fragment.n : HELLO_MAX - n;
        if (more > 0)
            memcpy(to + n, fragment.p, more);
        n += more;
        if (n > 0 && to[0] != CLIENT_HELLO)
            return HELLO_MALFORMED;
        size_t whole = n < MESSAGE_HEAD ? 0 : MESSAGE_HEAD + number(to + 1, 3);
        if (whole > HELLO_MAX)
            return HELLO_MALFORMED;
        if (whole > 0 && n >= whole) {
            *ret_message = (struct str){to + MESSAGE_HEAD, whole - MESSAGE_HEAD};
            return HELLO_DONE;
        }
    }
}

/* ---- extensions ---- */

/* What names of hosts are made of, in lower case; 0: not that. (RFC 6066 wants no addresses,
 * but some send them.) */
static char name_byte(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                c == '_' || c == ':';
    return fine ? c : 0;
}

static bool copy_name(struct str name, struct hello *h) {
    if (name.n == 0 || name.n >= HELLO_SNI)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        h->sni[i] = name_byte(name.p[i]);
        if (!h->sni[i])
            return false;
    }
    h->sni[name.n] = '\0';
    return true;
}

/* RFC 6066 3: at most one name of each type. */
static bool read_server_name(struct str data, struct hello *h) {
    enum { HOST_NAME = 0 };
    struct str list, name;
    size_t type;
    if (!take_vector(&data, 2, &list) || list.n == 0 || data.n > 0)
        return false;
    while (list.n > 0) {
        if (!take_number(&list, 1, &type) || !take_vector(&list, 2, &name))
            return false;
        if (type == HOST_NAME && (h->sni[0] || !copy_name(name, h)))
            return false;
    }
    return true;
}

static bool read_alpn(struct str data, struct hello *h) {
    struct str list, name;
    if (!take_vector(&data, 2, &list) || list.n == 0 || data.n > 0)
        return false;
    while (list.n > 0) {
        if (!take_vector(&list, 1, &name) || name.n == 0)
            return false;
        if (name.n + 1 > HELLO_ALPN - h->alpn_n)
            continue;
        h->alpn[h->alpn_n] = (uint8_t)name.n;
        memcpy(h->alpn + h->alpn_n + 1, name.p, name.n);
        h->alpn_n += name.n + 1;
    }
    return true;
}

static bool read_versions(struct str data, struct hello *h) {
    enum { TLS13 = 0x0304 };
    struct str list;
    size_t version;
    if (!take_vector(&data, 1, &list) || list.n == 0 || data.n > 0)
        return false;
    while (list.n > 0) {
        if (!take_number(&list, 2, &version))
            return false;
        h->tls13 = h->tls13 || version == TLS13;
    }
    return true;
}

static const struct {
    size_t type;
    bool (*read)(struct str data, struct hello *h);
} extensions[] = {
    {0, read_server_name},
    {16, read_alpn},
    {43, read_versions},
};
enum { N_EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]) };

/* One that stands twice (RFC 8446 4.2 forbids it) might mean another thing to who ends TLS. */
static bool read_extension(size_t type, struct str data, unsigned *seen, struct hello *h) {
    for (unsigned i = 0; i < N_EXTENSIONS; i++) {
        if (extensions[i].type != type)
            continue;
        bool again = *seen & 1u << i;
        *seen |= 1u << i;
        return !again && extensions[i].read(data, h);
    }
    return true;
}

static bool read_extensions(struct str all, struct hello *h) {
    unsigned seen = 0;
    while (all.n > 0) {
        size_t type;
        struct str data;
        if (!take_number(&all, 2, &type) || !take_vector(&all, 2, &data) ||
            !read_extension(type, data, &seen, h))
            return false;
    }
    return true;
}

/* ---- the message ---- */

static bool read_message(struct str m, struct hello *h) {
    size_t version;
    struct str random, session_id, suites, compressions, all;
    if (!take_number(&m, 2, &version) || version >> 8 != 3 || !take(&m, RANDOM, &random))
        return false;
    if (!take_vector(&m, 1, &session_id) || session_id.n > SESSION_ID_MAX)
        return false;
    if (!take_vector(&m, 2, &suites) || suites.n == 0 || suites.n % 2 != 0)
        return false;
    if (!take_vector(&m, 1, &compressions) || compressions.n == 0)
        return false;
    if (m.n == 0)
        return true; /* TLS 1.2 and before know hellos without extensions */
    return take_vector(&m, 2, &all) && m.n == 0 && read_extensions(all, h);
}

enum hello_verdict hello_parse(struct str input, struct hello *ret_hello) {
    char bytes[HELLO_MAX];
    struct str message;
    enum hello_verdict verdict = gather(input, bytes, &message);
    if (verdict == HELLO_MORE && input.n >= HELLO_MAX)
        return HELLO_MALFORMED;
    if (verdict != HELLO_DONE)
        return verdict;
    *ret_hello = (struct hello){0};
    return read_message(message, ret_hello) ? HELLO_DONE : HELLO_MALFORMED;
}
