/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h3/session.h"

nghttp3_nv *h3_headers(struct arena *arena, const struct field *lines, size_t n) {
    nghttp3_nv *nv = arena_alloc(arena, (n + 1) * sizeof(*nv));
    for (size_t i = 0; nv && i < n; i++) {
        struct str name = lines[i].name, value = lines[i].value;
        nv[i] = (nghttp3_nv){
            .name = (uint8_t *)(uintptr_t)name.p,
            .value = (uint8_t *)(uintptr_t)value.p,
            .namelen = name.n,
            .valuelen = value.n,
            .flags = field_is_secret(name) ? NGHTTP3_NV_FLAG_NEVER_INDEX : NGHTTP3_NV_FLAG_NONE,
        };
    }
    return nv;
}
