/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/census.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { PREFIX = 8 }; /* bytes of an IPv6 address */

struct census_client {
    uint8_t name[PREFIX];
    uint8_t n_name;
    uint32_t n;
};

void census_init(struct census *c, uint32_t most, const uint8_t key[TABLE_KEY]) {
    check(pthread_mutex_init(&c->lock, NULL) == 0);
    c->most = most;
    table_init(&c->clients, key);
}

void census_fini(struct census *c) {
    check(table_n(&c->clients) == 0);
    table_fini(&c->clients);
    pthread_mutex_destroy(&c->lock);
}

void census_limit(struct census *c, uint32_t most) {
    pthread_mutex_lock(&c->lock);
    c->most = most;
    pthread_mutex_unlock(&c->lock);
}

/* An IPv4 client of a dual-stack socket counts as what it is. */
static bool name_of(const struct addr *addr, struct census_client *ret_name) {
    const uint8_t *p;
    if (addr->sa.sa_family == AF_INET) {
        p = (const uint8_t *)&addr->in.sin_addr;
        ret_name->n_name = 4;
    } else if (addr->sa.sa_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr);
        p = addr->in6.sin6_addr.s6_addr + (mapped ? 12 : 0);
        ret_name->n_name = mapped ? 4 : PREFIX;
    } else {
        return false;
    }
    memcpy(ret_name->name, p, ret_name->n_name);
    return true;
}

static struct census_client *add(struct census *c, const struct census_client *name) {
    struct census_client *client = malloc(sizeof(*client));
    if (!client)
        return NULL;
    *client = *name;
    if (table_put(&c->clients, client->name, client->n_name, client) != 0) {
        free(client);
        return NULL;
    }
    return client;
}

static int enter(struct census *c, const struct census_client *name,
                 struct census_client **ret_client) {
    struct census_client *client;
    if (c->most == 0)
        return 0;
    client = table_get(&c->clients, name->name, name->n_name);
    if (client && client->n >= c->most)
        return ERR_LIMIT;
    if (!client)
        client = add(c, name);
    if (!client)
        return ERR_NO_MEMORY;
    client->n++;
    *ret_client = client;
    return 0;
}

int census_enter(struct census *c, const struct addr *addr, struct census_client **ret_client) {
    struct census_client name = {0};
    *ret_client = NULL;
    if (!c || !name_of(addr, &name))
        return 0;
    pthread_mutex_lock(&c->lock);
    int err = enter(c, &name, ret_client);
    pthread_mutex_unlock(&c->lock);
    return err;
}

/* On one machine it may be the user's own browser: so a warning. */
void census_tell(struct census *c, struct log *log, const struct addr *addr, uint64_t now_ns) {
    char text[ADDR_TEXT];
    pthread_mutex_lock(&c->lock);
    uint32_t most = c->most;
    pthread_mutex_unlock(&c->lock);
    log_seldom(log, LOG_WARN, LOG_CLIENT, now_ns,
               "%s: refused, as the client has %u connections already: max-connections-per-client "
               "allows no more",
               addr_text(addr, text), most);
}

void census_leave(struct census *c, struct census_client *client) {
    if (!client)
        return;
    pthread_mutex_lock(&c->lock);
    check(client->n > 0);
    if (--client->n == 0) {
        (void)table_remove(&c->clients, client->name, client->n_name);
        free(client);
    }
    pthread_mutex_unlock(&c->lock);
}
