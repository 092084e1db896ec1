/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/key.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "base/err.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "tls/digest.h"

/* RSA of 4096 bits takes 2,375 bytes as PKCS#8. */
enum { DER_MOST = 4096, RSA_EXPONENT = 65537, SIGNATURE_MOST = 512 };

struct key {
    enum key_kind kind;
    unsigned bits;
    WC_RNG rng; /* for making, for signing, and for blinding inside RSA and ECC */
    union {
        ecc_key ec;
        RsaKey rsa;
        ed25519_key ed;
    };
};

static int err_of(int wolf, int otherwise) {
    return wolf == MEMORY_E ? ERR_NO_MEMORY : otherwise;
}

static int init_kind(struct key *key) {
    switch (key->kind) {
    case KEY_EC: return wc_ecc_init(&key->ec);
    case KEY_RSA: return wc_InitRsaKey(&key->rsa, NULL);
    case KEY_ED25519: return wc_ed25519_init(&key->ed);
    }
    return BAD_FUNC_ARG;
}

static void fini_kind(struct key *key) {
    switch (key->kind) {
    case KEY_EC: wc_ecc_free(&key->ec); break;
    case KEY_RSA: wc_FreeRsaKey(&key->rsa); break;
    case KEY_ED25519: wc_ed25519_free(&key->ed); break;
    }
}

static int set_rng(struct key *key) {
    switch (key->kind) {
    case KEY_EC: return wc_ecc_set_rng(&key->ec, &key->rng);
    case KEY_RSA: return wc_RsaSetRNG(&key->rsa, &key->rng);
    case KEY_ED25519: return 0;
    }
    return BAD_FUNC_ARG;
}

static int key_new(enum key_kind kind, struct key **ret_key) {
    struct key *key = calloc(1, sizeof(*key));
    int wolf;

    if (!key)
        return ERR_NO_MEMORY;
    key->kind = kind;
    wolf = wc_InitRng(&key->rng);
    if (wolf) {
        free(key);
        return err_of(wolf, ERR_SYSTEM);
    }
    if (init_kind(key) || set_rng(key)) {
        key_free(key);
        return ERR_NO_MEMORY;
    }
    *ret_key = key;
    return 0;
}

void key_free(struct key *key) {
    if (!key)
        return;
    fini_kind(key);
    wc_FreeRng(&key->rng);
    explicit_bzero(key, sizeof(*key));
    free(key);
}

static int make_in(struct key *key) {
    switch (key->kind) {
    case KEY_EC:
        return wc_ecc_make_key_ex(&key->rng, (int)(key->bits + 7) / 8, &key->ec, ECC_CURVE_DEF);
    case KEY_RSA: return wc_MakeRsaKey(&key->rsa, (int)key->bits, RSA_EXPONENT, &key->rng);
    case KEY_ED25519: return wc_ed25519_make_key(&key->rng, ED25519_KEY_SIZE, &key->ed);
    }
    return BAD_FUNC_ARG;
}

static bool bits_fit(enum key_kind kind, unsigned bits) {
    switch (kind) {
    case KEY_EC: return bits == 256 || bits == 384 || bits == 521;
    case KEY_RSA: return bits == 2048 || bits == 3072 || bits == 4096;
    case KEY_ED25519: return bits == 256;
    }
    return false;
}

int key_make(enum key_kind kind, unsigned bits, struct key **ret_key) {
    struct key *key;
    int err, wolf;

    if (bits == 0)
        bits = kind == KEY_RSA ? 2048 : 256;
    if (!bits_fit(kind, bits))
        return ERR_INVALID;
    err = key_new(kind, &key);
    if (err)
        return err;
    key->bits = bits;
    wolf = make_in(key);
    if (wolf) {
        key_free(key);
        return err_of(wolf, ERR_SYSTEM);
    }
    *ret_key = key;
    return 0;
}

/* Files may lack the public half, or hold another one. */
static int finish_ec(struct key *key) {
    int wolf = wc_ecc_make_pub_ex(&key->ec, NULL, &key->rng);

    if (wolf)
        return err_of(wolf, ERR_INVALID);
    key->bits = (unsigned)key->ec.dp->size * 8;
    if (key->bits == 528)
        key->bits = 521;
    return bits_fit(KEY_EC, key->bits) ? 0 : ERR_UNSUPPORTED;
}

static int finish_ed25519(struct key *key) {
    uint8_t secret[ED25519_KEY_SIZE], public_half[ED25519_PUB_KEY_SIZE];
    word32 n = sizeof(secret);
    int wolf = wc_ed25519_export_private_only(&key->ed, secret, &n);

    if (!wolf)
        wolf = wc_ed25519_make_public(&key->ed, public_half, sizeof(public_half));
    if (!wolf)
        wolf = wc_ed25519_import_private_key(secret, n, public_half, sizeof(public_half), &key->ed);
    explicit_bzero(secret, sizeof(secret));
    key->bits = 256;
    return wolf ? err_of(wolf, ERR_INVALID) : 0;
}

static int finish_rsa(struct key *key) {
    key->bits = (unsigned)wc_RsaEncryptSize(&key->rsa) * 8;
    return 0;
}

static int decode(struct key *key, struct str der) {
    const byte *in = (const byte *)der.p;
    word32 at = 0, n = (word32)der.n;
    int wolf = BAD_FUNC_ARG;

    switch (key->kind) {
    case KEY_EC: wolf = wc_EccPrivateKeyDecode(in, &at, &key->ec, n); break;
    case KEY_RSA: wolf = wc_RsaPrivateKeyDecode(in, &at, &key->rsa, n); break;
    case KEY_ED25519: wolf = wc_Ed25519PrivateKeyDecode(in, &at, &key->ed, n); break;
    }
    if (wolf)
        return err_of(wolf, ERR_INVALID);
    if (key->kind == KEY_EC)
        return finish_ec(key);
    return key->kind == KEY_RSA ? finish_rsa(key) : finish_ed25519(key);
}

/* PKCS#8: version, algorithm, key. */
static int kind_of_pkcs8(struct str der, enum key_kind *ret_kind) {
    struct str body, ignored, algorithm, oid;

    if (der_expect(&der, DER_SEQUENCE, &body) || der_expect(&body, DER_INTEGER, &ignored) ||
        der_expect(&body, DER_SEQUENCE, &algorithm) || der_expect(&algorithm, DER_OID, &oid))
        return ERR_INVALID;
    if (str_eq(oid, OID_EC))
        *ret_kind = KEY_EC;
    else if (str_eq(oid, OID_RSA))
        *ret_kind = KEY_RSA;
    else if (str_eq(oid, OID_ED25519))
        *ret_kind = KEY_ED25519;
    else
        return ERR_UNSUPPORTED;
    return 0;
}

static int load_der(struct str label, struct str der, struct key **ret_key) {
    enum key_kind kind = KEY_EC;
    struct key *key;
    int err = 0;

    if (str_eq(label, STR("RSA PRIVATE KEY")))
        kind = KEY_RSA;
    else if (str_eq(label, STR("PRIVATE KEY")))
        err = kind_of_pkcs8(der, &kind);
    if (!err)
        err = key_new(kind, &key);
    if (err)
        return err;
    err = decode(key, der);
    if (err) {
        key_free(key);
        return err;
    }
    *ret_key = key;
    return 0;
}

int key_load(struct str pem, struct key **ret_key) {
    struct pem_block block;
    struct buf der;
    int err;

    do
        if (!pem_next(&pem, &block))
            return ERR_NOT_FOUND;
    while (!str_ends(block.label, STR("PRIVATE KEY")));
    if (str_eq(block.label, STR("ENCRYPTED PRIVATE KEY")))
        return ERR_UNSUPPORTED;
    buf_init(&der);
    err = pem_decode(&block, &der);
    if (!err)
        err = load_der(block.label, buf_view(&der), ret_key);
    pem_wipe(&der);
    return err;
}

enum key_kind key_kind(const struct key *key) {
    return key->kind;
}

const char *key_text(const struct key *key) {
    if (key->kind == KEY_ED25519)
        return "Ed25519";
    switch (key->bits) {
    case 256: return "P-256";
    case 384: return "P-384";
    case 521: return "P-521";
    case 2048: return "RSA 2048";
    case 3072: return "RSA 3072";
    case 4096: return "RSA 4096";
    default: return "RSA";
    }
}

static int rsa_pkcs8(struct key *key, byte *to, word32 *n) {
    byte der[DER_MOST];
    int wolf = wc_RsaKeyToDer(&key->rsa, der, sizeof(der));

    if (wolf > 0)
        wolf = wc_CreatePKCS8Key(to, n, der, (word32)wolf, RSAk, NULL, 0);
    explicit_bzero(der, sizeof(der));
    return wolf;
}

/* The length, or negative. */
static int pkcs8(struct key *key, byte *to, word32 n) {
    int wolf;

    switch (key->kind) {
    case KEY_EC: wolf = wc_EccKeyToPKCS8(&key->ec, to, &n); return wolf < 0 ? wolf : (int)n;
    case KEY_RSA: return rsa_pkcs8(key, to, &n);
    case KEY_ED25519: return wc_Ed25519PrivateKeyToDer(&key->ed, to, n);
    }
    return BAD_FUNC_ARG;
}

int key_pem(struct key *key, struct buf *to) {
    byte der[DER_MOST];
    int n = pkcs8(key, der, sizeof(der));

    if (n > 0) {
        /* at once, so that growing leaves no copies behind */
        buf_reserve(to, 2 * (size_t)n);
        pem_add(to, "PRIVATE KEY", (struct str){(const char *)der, (size_t)n});
    }
    explicit_bzero(der, sizeof(der));
    if (n <= 0)
        return err_of(n, ERR_SYSTEM);
    return to->failed ? ERR_NO_MEMORY : 0;
}

int key_spki(struct key *key, struct buf *to) {
    byte der[DER_MOST];
    int n = BAD_FUNC_ARG;

    switch (key->kind) {
    case KEY_EC: n = wc_EccPublicKeyToDer(&key->ec, der, sizeof(der), 1); break;
    case KEY_RSA: n = wc_RsaKeyToPublicDer(&key->rsa, der, sizeof(der)); break;
    case KEY_ED25519: n = wc_Ed25519PublicKeyToDer(&key->ed, der, sizeof(der), 1); break;
    }
    if (n <= 0)
        return err_of(n, ERR_SYSTEM);
    buf_add(to, der, (size_t)n);
    return to->failed ? ERR_NO_MEMORY : 0;
}

bool key_fits(struct key *key, struct str spki) {
    struct buf own;
    bool fits;

    buf_init(&own);
    fits = !key_spki(key, &own) && str_eq(buf_view(&own), spki);
    buf_fini(&own);
    return fits;
}

void key_algorithm(const struct key *key, struct buf *to) {
    size_t item = der_begin(to, DER_SEQUENCE);

    switch (key->kind) {
    case KEY_EC: der_add(to, DER_OID, OID_ECDSA_SHA256); break;
    case KEY_RSA:
        der_add(to, DER_OID, OID_RSA_SHA256);
        der_add(to, DER_NULL, STR("")); /* RFC 4055 wants it, the others forbid it */
        break;
    case KEY_ED25519: der_add(to, DER_OID, OID_ED25519); break;
    }
    der_end(to, item);
}

/* DigestInfo of PKCS#1. */
static int digest_info(struct str message, byte to[64], word32 *ret_n) {
    byte digest[32];

    digest_sha256(message, digest);
    *ret_n = wc_EncodeSignature(to, digest, sizeof(digest), SHA256h);
    return *ret_n ? 0 : ERR_SYSTEM;
}

static int sign_rsa(struct key *key, struct str message, byte *to, word32 *n) {
    byte info[64];
    word32 n_info;
    int wolf, err = digest_info(message, info, &n_info);

    if (err)
        return err;
    wolf = wc_RsaSSL_Sign(info, n_info, to, *n, &key->rsa, &key->rng);
    if (wolf <= 0)
        return err_of(wolf, ERR_SYSTEM);
    *n = (word32)wolf;
    return 0;
}

static int sign_ec(struct key *key, struct str message, byte *to, word32 *n) {
    byte digest[32];
    int err;

    digest_sha256(message, digest);
    err = wc_ecc_sign_hash(digest, sizeof(digest), to, n, &key->rng, &key->ec);
    return err ? err_of(err, ERR_SYSTEM) : 0;
}

int key_sign(struct key *key, struct str message, struct buf *to) {
    byte signature[SIGNATURE_MOST];
    word32 n = sizeof(signature);
    int err = ERR_INVALID;

    switch (key->kind) {
    case KEY_EC: err = sign_ec(key, message, signature, &n); break;
    case KEY_RSA: err = sign_rsa(key, message, signature, &n); break;
    case KEY_ED25519:
        err = wc_ed25519_sign_msg((const byte *)message.p, (word32)message.n, signature, &n,
                                  &key->ed);
        err = err ? err_of(err, ERR_SYSTEM) : 0;
        break;
    }
    if (err)
        return err;
    buf_add(to, signature, n);
    return to->failed ? ERR_NO_MEMORY : 0;
}

static bool verify_rsa(struct key *key, struct str message, struct str signature) {
    byte info[64], plain[SIGNATURE_MOST];
    word32 n_info;
    int n;

    if (digest_info(message, info, &n_info))
        return false;
    n = wc_RsaSSL_Verify((const byte *)signature.p, (word32)signature.n, plain, sizeof(plain),
                         &key->rsa);
    return n == (int)n_info && !memcmp(plain, info, n_info);
}

static bool verify_ec(struct key *key, struct str message, struct str signature) {
    byte digest[32];
    int good = 0;

    digest_sha256(message, digest);
    return !wc_ecc_verify_hash((const byte *)signature.p, (word32)signature.n, digest,
                               sizeof(digest), &good, &key->ec) &&
           good;
}

bool key_verify(struct key *key, struct str message, struct str signature) {
    int good = 0;

    switch (key->kind) {
    case KEY_EC: return verify_ec(key, message, signature);
    case KEY_RSA: return verify_rsa(key, message, signature);
    case KEY_ED25519:
        return !wc_ed25519_verify_msg((const byte *)signature.p, (word32)signature.n,
                                      (const byte *)message.p, (word32)message.n, &good,
                                      &key->ed) &&
               good;
    }
    return false;
}
