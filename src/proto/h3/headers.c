/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h3/session.h"

/* Secrets that must not get into a dynamic table (RFC 9204 7.1.3). */
static bool is_sensitive(struct str name) {
    return str_eq(name, STR("authorization")) || str_eq(name, STR("proxy-authorization"));
}

nghttp3_nv *h3_headers(struct arena *arena, const struct field *lines, size_t n) {
    nghttp3_nv *nv = arena_alloc(arena, (n + 1) * sizeof(*nv));
    for (size_t i = 0; nv && i < n; i++) {
        struct str name = lines[i].name, value = lines[i].value;
        nv[i] = (nghttp3_nv){
            .name = (uint8_t *)(uintptr_t)name.p,
            .value = (uint8_t *)(uintptr_t)value.p,
            .namelen = name.n,
            .valuelen = value.n,
            .flags = is_sensitive(name) ? NGHTTP3_NV_FLAG_NEVER_INDEX : NGHTTP3_NV_FLAG_NONE,
        };
    }
    return nv;
}
