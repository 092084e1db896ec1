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

void hex_encode(const void *p, size_t n, char *to) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}
