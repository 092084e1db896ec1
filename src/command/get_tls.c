/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "command/command.h"
#include "command/get_parts.h"
#include "sys/file.h"
#include "sys/place.h"

/* Whom to trust, and the context that handshakes are made from. */

enum { MAX_ROOTS = 8 << 20 };

/* Those of the machine, and the CA that h3gw has made itself. */
static void default_roots(struct getter *g) {
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    struct buf folder, path;

    for (size_t i = 0; i < 3 && g->ca_pem.n == 0; i++)
        file_read(files[i], MAX_ROOTS, &g->ca_pem);
    buf_init(&folder);
    buf_init(&path);
    if (!place_ca_root(getenv, &folder)) {
        file_join(&path, buf_view(&folder), STR("rootCA.pem"));
        buf_char(&g->ca_pem, '\n');
        if (!path.failed)
            file_read((const char *)path.p, MAX_ROOTS, &g->ca_pem);
    }
    buf_fini(&folder);
    buf_fini(&path);
}

int get_roots(struct getter *g) {
    const char *file = args_value(g->options->args, "cacert");
    int err;

    if (g->options->insecure)
        return 0;
    if (!file) {
        default_roots(g);
        return 0;
    }
    err = file_read(file, MAX_ROOTS, &g->ca_pem);
    if (err)
        fprintf(stderr, "h3gw get: cannot read %s: %s\n", file, err_text(err));
    return err ? STATUS_FAILED : 0;
}

static const char *alpn_of(const struct getter *g) {
    switch (g->version) {
    case GET_HTTP3: return "h3";
    case GET_HTTP2: return "h2";
    case GET_HTTP1: return "http/1.1";
    default: return "h2,http/1.1";
    }
}

int get_tls(struct getter *g, enum tls_transport transport) {
    char problem[256] = "";
    struct tls_client_config config = {
        .transport = transport,
        .alpn = alpn_of(g),
        .ca_pem = buf_view(&g->ca_pem),
        .insecure = g->options->insecure,
        .keylog = g->keylog.fd >= 0 ? &g->keylog.tls : NULL,
    };
    int err = tls_client_context_new(&config, &g->tls, problem, sizeof problem);

    if (err)
        get_fail(g, "%s", problem[0] ? problem : err_text(err));
    return err;
}
