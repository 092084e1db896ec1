/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "pki/cert.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "pki/san.h"
#include "tls/context.h"
#include "tls/names.h"

/* Certificates and keys that users give. Input: a byte for what it is, then a certificate in
 * DER, a PEM text, names for a certificate (one a line), or PEM for a TLS context. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all that can be asked. */
static void look(const struct cert *cert) {
    struct cert_name name;
    struct buf b;
    buf_init(&b);
    for (struct str at = cert_names(cert); cert_next_name(&at, &name);)
        cert_name_text(&name, &b);
    cert_subject_text(cert, &b);
    cert_issuer_text(cert, &b);
    cert_fingerprint(cert, &b);
    check(cert_spki_hash(cert, &b) == 0);
    cert_hash(cert, &b);
    (void)cert_covers(cert, STR("localhost"));
    (void)cert_covers(cert, STR("a.example.test"));
    (void)cert_covers(cert, STR("*.example.test"));
    (void)cert_covers(cert, STR("127.0.0.1"));
    (void)cert_covers(cert, STR("::1"));
    check(!b.failed);
    buf_fini(&b);
}

/* As with a peer's certificate, and with less room than it may want. */
static void match(struct str text) {
    static const char *const hosts[] = {"localhost", "a.example.test", "127.0.0.1", "::1"};
    char told[60];
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        (void)names_match(text, hosts[i], told, sizeof(told));
}

static void der(struct str text) {
    struct cert cert;
    if (cert_read(text, &cert) != 0)
        return;
    look(&cert);
    match(text);
    cert_fini(&cert);
}

static void key(struct str text, const struct cert *cert) {
    struct key *k;
    struct buf b;
    if (key_load(text, &k) != 0)
        return;
    buf_init(&b);
    check(key_spki(k, &b) == 0 && key_fits(k, buf_view(&b)));
    if (cert) {
        (void)key_fits(k, cert->spki);
        (void)cert_issued_by(cert, cert, k);
    }
    buf_fini(&b);
    buf_init(&b);
    (void)key_pem(k, &b);
    pem_wipe(&b);
    key_free(k);
}

static void pem(struct str text) {
    struct cert *chain = NULL;
    size_t n = 0;
    int err = cert_chain_read(text, &chain, &n);
    if (err == 0)
        check(n > 0);
    for (size_t i = 0; err == 0 && i < n; i++)
        look(&chain[i]);
    key(text, err == 0 ? chain : NULL);
    if (err == 0)
        cert_chain_free(chain, n);
}

static void names(struct str text) {
    char told[60] = "";
    struct str line;
    struct san sans[8];
    struct buf message, b;
    size_t n = 0;
    buf_init(&message);
    buf_init(&b);
    while (n < 8 && str_cut(&text, '\n', &line)) {
        buf_reset(&message);
        names_add_attribute("O", line, told, sizeof(told));
        int err = san_parse(line, &sans[n], &message);
        check(err == 0 || (err == ERR_INVALID && message.n > 0));
        if (err == 0)
            (void)san_warning(&sans[n++]);
    }
    san_write(sans, n, &b);
    check(!b.failed);
    buf_fini(&message);
    buf_fini(&b);
}

static void context(struct str text) {
    char problem[200] = "";
    struct tls_context *tls;
    struct tls_server shown = {.cert_pem = text, .key_pem = text};
    struct tls_server_config config = {.alpn = "h2", .servers = &shown, .n_servers = 1};
    if (tls_server_context_new(&config, &tls, problem, sizeof(problem)) == 0)
        tls_context_free(tls);
    else
        check(problem[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const kinds[])(struct str) = {der, pem, names, context};
    if (size > 0 && size < 20000)
        kinds[data[0] % 4]((struct str){(const char *)data + 1, size - 1});
    return 0;
}
