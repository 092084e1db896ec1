/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/hub.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"
#include "tls/digest.h"

static void derive(const uint8_t secret[32], struct str label, uint8_t ret_key[32]) {
    digest_hmac_sha256((struct str){(const char *)secret, 32}, label, ret_key);
}

int hub_init(struct hub *h, const struct quic_config *config, bool is_server) {
    uint8_t hash_key[TABLE_KEY];
    if (random_bytes(hash_key, sizeof(hash_key)) != 0)
        return ERR_SYSTEM;
    *h = (struct hub){.magic = HUB_MAGIC, .config = *config, .is_server = is_server};
    if (h->config.workers == 0)
        h->config.workers = 1;
    derive(config->secret, STR("h3gw quic token"), h->token_key);
    derive(config->secret, STR("h3gw quic stateless reset"), h->reset_key);
    table_init(&h->ids, hash_key);
    list_init(&h->conns);
    list_init(&h->ready);
    return 0;
}

void hub_fini(struct hub *h) {
    check(list_empty(&h->conns) && table_n(&h->ids) == 0);
    table_fini(&h->ids);
    h->magic = 0;
}

struct hub *hub_of(const struct datagram_engine *e) {
    struct hub *h = container_of(e, struct hub, engine);
    check_magic(h, HUB_MAGIC);
    return h;
}

/* The byte below or above that is worker modulo workers. */
static uint8_t name_worker(const struct hub *h, uint8_t byte) {
    uint32_t workers = h->config.workers;
    uint32_t named = byte - byte % workers + h->config.worker;
    return (uint8_t)(named > UINT8_MAX ? named - workers : named);
}

int hub_draw_id(struct hub *h, ngtcp2_cid *ret_cid) {
    ngtcp2_cid cid = {.datalen = HUB_ID_BYTES};
    do {
        if (random_bytes(cid.data, cid.datalen) != 0)
            return ERR_SYSTEM;
        cid.data[0] = name_worker(h, cid.data[0]);
    } while (table_get(&h->ids, cid.data, cid.datalen));
    *ret_cid = cid;
    return 0;
}

int hub_id_add(struct quic_conn *c, const ngtcp2_cid *cid) {
    struct conn_id *id = malloc(sizeof(*id));
    if (!id)
        return ERR_NO_MEMORY;
    *id = (struct conn_id){.conn = c, .cid = *cid};
    int err = table_put(&c->hub->ids, id->cid.data, id->cid.datalen, id);
    if (err != 0) {
        free(id);
        return err;
    }
    list_append(&c->ids, &id->link);
    return 0;
}

static void id_free(struct conn_id *id) {
    struct hub *h = id->conn->hub;
    (void)table_remove(&h->ids, id->cid.data, id->cid.datalen);
    if (h->last == id)
        h->last = NULL;
    list_remove(&id->link);
    free(id);
}

void hub_id_remove(struct quic_conn *c, const ngtcp2_cid *cid) {
    struct conn_id *id = table_get(&c->hub->ids, cid->data, cid->datalen);
    if (id && id->conn == c)
        id_free(id);
}

void hub_ids_clear(struct quic_conn *c) {
    list_each(&c->ids, at, next)
        id_free(list_entry(at, struct conn_id, link));
}

static bool is_id(const struct conn_id *id, const uint8_t *p, size_t n) {
    return id && id->cid.datalen == n && memcmp(id->cid.data, p, n) == 0;
}

/* Packets come in bursts of one id, and to hash it costs more than to compare it. */
struct quic_conn *hub_find(struct hub *h, const uint8_t *id, size_t n) {
    if (!is_id(h->last, id, n))
        h->last = n > 0 ? table_get(&h->ids, id, n) : NULL;
    return h->last ? h->last->conn : NULL;
}

void hub_ready(struct quic_conn *c) {
    if (c->state >= CONN_DRAINING)
        return;
    if (list_empty(&c->ready))
        list_append(&c->hub->ready, &c->ready);
    datagram_engine_wake(&c->hub->engine);
}

bool hub_is_foreign(const struct hub *h, uint8_t first_byte) {
    return first_byte % h->config.workers != h->config.worker;
}
