/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h2/stream.h"

nghttp2_nv *h2_headers(struct arena *arena, const struct field *lines, size_t n, bool copy) {
    nghttp2_nv *nv = arena_alloc(arena, (n + 1) * sizeof(*nv));
    for (size_t i = 0; nv && i < n; i++) {
        struct str name = lines[i].name, value = lines[i].value;
        uint8_t flags = NGHTTP2_NV_FLAG_NONE;
        if (!copy)
            flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
        if (field_is_secret(name))
            flags |= NGHTTP2_NV_FLAG_NO_INDEX;
        nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n,
                             value.n, flags};
    }
    return nv;
}
