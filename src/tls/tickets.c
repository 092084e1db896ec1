/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "tls/native.h"

struct tls_tickets {
    WOLFSSL_SESSION *newest;
};

struct tls_tickets *tls_tickets_new(void) {
    return calloc(1, sizeof(struct tls_tickets));
}

void tls_tickets_free(struct tls_tickets *tickets) {
    if (!tickets)
        return;
    wolfSSL_SESSION_free(tickets->newest);
    free(tickets);
}

void tls_session_resume(void *session, const struct tls_tickets *tickets) {
    if (tickets && tickets->newest)
        (void)wolfSSL_set_session(session, tickets->newest); /* else a whole handshake */
}

void tls_session_keep_ticket(void *session, struct tls_tickets *tickets) {
    WOLFSSL_SESSION *kept = wolfSSL_get1_session(session);
    if (!kept)
        return;
    wolfSSL_SESSION_free(tickets->newest);
    tickets->newest = kept;
}
