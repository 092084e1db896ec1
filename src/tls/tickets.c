/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tls/native.h"

enum { TICKET_BYTES = 2048 };

struct tls_tickets {
    WOLFSSL_SESSION *newest;
    uint8_t bytes[TICKET_BYTES]; /* the ticket in there */
    word32 n;
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

/* A server that gave none this time: wolfSSL keeps the ticket of before beside the secrets of this
 * connection, which do not belong together. */
void tls_session_keep_ticket(void *session, struct tls_tickets *tickets) {
    uint8_t bytes[TICKET_BYTES];
    word32 n = sizeof(bytes);
    if (wolfSSL_get_SessionTicket(session, bytes, &n) != WOLFSSL_SUCCESS || n == 0 ||
        (n == tickets->n && memcmp(bytes, tickets->bytes, n) == 0))
        return;
    WOLFSSL_SESSION *kept = wolfSSL_get1_session(session);
    if (!kept)
        return;
    wolfSSL_SESSION_free(tickets->newest);
    tickets->newest = kept;
    memcpy(tickets->bytes, bytes, n);
    tickets->n = n;
}
