/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/digest.h"

#include <errno.h>
#include <sys/random.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "base/check.h"
#include "base/err.h"

enum { BLOCK = 64, DIGEST = 32 };

int random_bytes(void *to, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)to + done, n - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_SYSTEM;
        done += (size_t)got;
    }
    return 0;
}

/* Without a device or asynchronous crypto these cannot fail for inputs of any length. */
static void sha256_parts(const struct str *parts, int n, uint8_t ret_digest[DIGEST]) {
    wc_Sha256 sha;
    int bad = wc_InitSha256(&sha);
    for (int i = 0; i < n && bad == 0; i++)
        bad = wc_Sha256Update(&sha, (const uint8_t *)parts[i].p, (word32)parts[i].n);
    if (bad == 0)
        bad = wc_Sha256Final(&sha, ret_digest);
    check(bad == 0);
    wc_Sha256Free(&sha);
}

void digest_sha256(struct str s, uint8_t ret_digest[32]) {
    sha256_parts(&s, s.n > 0 ? 1 : 0, ret_digest);
}

void digest_hmac_sha256(struct str key, struct str s, uint8_t ret_digest[32]) {
    uint8_t pad[BLOCK], block[BLOCK] = {0}, inner[DIGEST];
    if (key.n > BLOCK)
        digest_sha256(key, block);
    else if (key.n > 0)
        memcpy(block, key.p, key.n);
    struct str parts[2] = {{(const char *)pad, BLOCK}, s};
    for (int i = 0; i < BLOCK; i++)
        pad[i] = block[i] ^ 0x36;
    sha256_parts(parts, s.n > 0 ? 2 : 1, inner);
    for (int i = 0; i < BLOCK; i++)
        pad[i] = block[i] ^ 0x5c;
    parts[1] = (struct str){(const char *)inner, DIGEST};
    sha256_parts(parts, 2, ret_digest);
}

void base64_encode(struct buf *to, struct str s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = (const uint8_t *)s.p;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = (uint32_t)p[i] << 16;
        if (left > 1)
            v |= (uint32_t)p[i + 1] << 8;
        if (left > 2)
            v |= p[i + 2];
        buf_char(to, digits[v >> 18]);
        buf_char(to, digits[v >> 12 & 63]);
        buf_char(to, left > 1 ? digits[v >> 6 & 63] : '=');
        buf_char(to, left > 2 ? digits[v & 63] : '=');
    }
}

static int digit_value(char c, bool url_safe) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url_safe ? '-' : '+'))
        return 62;
    return c == (url_safe ? '_' : '/') ? 63 : -1;
}

/* n digits, 2 to 4, as n - 1 bytes; the bits that are left over have to be 0. */
static int decode_group(const char *p, size_t n, bool url_safe, struct buf *to) {
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = digit_value(p[i], url_safe);
        if (digit < 0)
            return ERR_INVALID;
        v |= (uint32_t)digit << (18 - 6 * i);
    }
    if (n < 4 && (v & (n == 2 ? 0xffff : 0xff)) != 0)
        return ERR_INVALID;
    uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_add(to, bytes, n - 1);
    return 0;
}

/* Padding is asked for, but in the URL-safe form, where nobody writes it (RFC 7515). */
int base64_decode(struct buf *to, struct str s, int url_safe) {
    size_t n = s.n, before = to->n;
    while (n > 0 && s.n - n < 2 && s.p[n - 1] == '=')
        n--;
    if (n % 4 == 1 || (s.n % 4 != 0 && !(url_safe && n == s.n)))
        return ERR_INVALID;
    int err = 0;
    for (size_t i = 0; i < n && err == 0; i += 4)
        err = decode_group(s.p + i, n - i < 4 ? n - i : 4, url_safe != 0, to);
    if (err != 0)
        to->n = before;
    return err;
}

void hex_encode(const void *p, size_t n, char *to) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}
