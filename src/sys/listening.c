/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/listening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROW_BYTES = 256, STATE_LISTEN = 0x0a };

/* "0100007F", or four such words: each is printed as this machine reads it. How many bytes. */
static size_t address_of(const char *digits, uint8_t to[16]) {
    enum { WORD = 8 };
    char word[WORD + 1] = "";
    size_t n = 0;

    while (n < 16 && strspn(digits, "0123456789ABCDEF") >= WORD) {
        memcpy(word, digits, WORD);
        uint32_t bytes = (uint32_t)strtoul(word, NULL, 16);
        memcpy(to + n, &bytes, sizeof bytes);
        n += sizeof bytes;
        digits += WORD;
    }
    return n;
}

static bool is_zero(const uint8_t *p, size_t n) {
    static const uint8_t zeros[16];

    return memcmp(p, zeros, n) == 0;
}

/* Would a connection to a come to who listens on these n bytes? :: mostly takes IPv4, too. */
static bool takes(const uint8_t *bound, size_t n, const struct addr *a) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (is_zero(bound, n))
        return a->sa.sa_family == AF_INET || n == 16;
    if (a->sa.sa_family == AF_INET6)
        return n == 16 && memcmp(bound, &a->in6.sin6_addr, n) == 0;
    if (n == 4)
        return memcmp(bound, &a->in.sin_addr, n) == 0;
    return memcmp(bound, mapped, sizeof mapped) == 0 &&
           memcmp(bound + sizeof mapped, &a->in.sin_addr, 4) == 0;
}

/* "   0: 0100007F:1F90 00000000:0000 0A …": number, local, remote, state. */
static bool is_listener(const char *row, const struct addr *a) {
    const char *local = strstr(row, ": "), *state;
    uint8_t bound[16];
    char *end;

    if (!local)
        return false;
    size_t n = address_of(local + 2, bound);
    const char *port = local + 2 + 2 * n;
    if (n == 0 || *port != ':' || strtoul(port + 1, &end, 16) != addr_port(a) || *end != ' ')
        return false;
    state = strchr(end + 1, ' ');
    return state && strtoul(state, NULL, 16) == STATE_LISTEN && takes(bound, n, a);
}

static bool table_has(const char *path, const struct addr *a, bool unknown) {
    FILE *table = fopen(path, "re");
    char row[ROW_BYTES];
    bool found = false;

    if (!table)
        return unknown;
    while (!found && fgets(row, sizeof row, table))
        found = is_listener(row, a);
    fclose(table);
    return found;
}

bool machine_listens(const struct addr *a) {
    struct stat about;

    if (a->sa.sa_family == AF_UNIX)
        return stat(a->un.sun_path, &about) == 0 && S_ISSOCK(about.st_mode);
    /* without IPv6 there is no second table */
    return table_has("/proc/net/tcp", a, true) || table_has("/proc/net/tcp6", a, false);
}
