/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/secret.h"

#include <string.h>

#include "base/err.h"
#include "sys/file.h"
#include "tls/digest.h"

static int read_kept(const char *path, uint8_t ret_secret[SECRET_BYTES]) {
    struct buf bytes;
    int err;

    buf_init(&bytes);
    err = file_read(path, SECRET_BYTES, &bytes);
    if (!err && bytes.n != SECRET_BYTES)
        err = ERR_INVALID;
    if (!err)
        memcpy(ret_secret, bytes.p, SECRET_BYTES);
    buf_fini(&bytes);
    return err;
}

static int make_and_keep(const char *folder, const char *path, struct log *log,
                         uint8_t ret_secret[SECRET_BYTES]) {
    struct str bytes = {(const char *)ret_secret, SECRET_BYTES};
    int err;

    if (random_bytes(ret_secret, SECRET_BYTES)) {
        log_error(log, RANDOM_ADVICE);
        return ERR_SYSTEM;
    }
    err = path ? file_make_folders(folder, 0755) : ERR_NOT_FOUND;
    if (!err)
        err = file_write(path, bytes, 0600, FILE_OVERWRITE);
    if (err)
        log_info(log,
                 "the QUIC secret cannot be kept (%s): after a kill -9 clients wait for their "
                 "idle timeout",
                 err_text(err));
    return 0;
}

static int load_quic(place_env *env, struct log *log, uint8_t ret_secret[SECRET_BYTES]) {
    struct buf folder, path;
    const char *kept = NULL;
    int err = 0;

    buf_init(&folder);
    buf_init(&path);
    if (!place_ca_root(env, &folder)) {
        file_join(&path, buf_view(&folder), STR("quic-secret"));
        kept = path.failed ? NULL : (const char *)path.p;
    }
    if (!kept || read_kept(kept, ret_secret))
        err = make_and_keep((const char *)folder.p, kept, log, ret_secret);
    buf_fini(&folder);
    buf_fini(&path);
    return err;
}

int secrets_load(place_env *env, struct log *log, struct secrets *ret_secrets) {
    if (random_bytes(ret_secrets->tickets, SECRET_BYTES)) {
        log_error(log, RANDOM_ADVICE);
        return ERR_SYSTEM;
    }
    return load_quic(env, log, ret_secrets->quic);
}
