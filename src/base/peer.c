/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int peer_set_sni(struct peer *peer, const char *sni) {
    char *copy = sni[0] ? strdup(sni) : NULL;
    if (sni[0] && !copy)
        return ERR_NO_MEMORY;
    free(peer->sni);
    peer->sni = copy;
    return 0;
}

void peer_fini(struct peer *peer) {
    free(peer->sni);
    free(peer->cert);
    peer->sni = NULL;
    peer->cert = NULL;
}

const char *http_version_short(enum http_version v) {
    switch (v) {
    case HTTP_1_0:
    case HTTP_1_1: return "h1";
    case HTTP_2: return "h2";
    case HTTP_3: return "h3";
    }
    return "-";
}

const char *http_version_text(enum http_version v) {
    switch (v) {
    case HTTP_1_0: return "HTTP/1.0";
    case HTTP_1_1: return "HTTP/1.1";
    case HTTP_2: return "HTTP/2.0";
    case HTTP_3: return "HTTP/3.0";
    }
    return "-";
}
