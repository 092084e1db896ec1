/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/place.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static struct str value_of(place_env *env, const char *name) {
    return str_of(env(name));
}

static struct str absolute_value_of(place_env *env, const char *name) {
    struct str value = value_of(env, name);

    return str_starts(value, STR("/")) ? value : STR("");
}

static int finished(const struct buf *to) {
    return to->failed ? ERR_NO_MEMORY : 0;
}

int place_ca_root(place_env *env, struct buf *to) {
    struct str own = value_of(env, "H3GW_CAROOT");
    struct str data = absolute_value_of(env, "XDG_DATA_HOME");
    struct str home = absolute_value_of(env, "HOME");

    if (own.n > 0)
        buf_str(to, own);
    else if (data.n > 0)
        buf_format(to, STR_FMT "/h3gw", STR_ARG(data));
    else if (home.n > 0)
        buf_format(to, STR_FMT "/.local/share/h3gw", STR_ARG(home));
    else
        return ERR_NOT_FOUND;
    return finished(to);
}

/* lstat: in /tmp anybody may have put a link of this name. */
static int check_private(const char *path) {
    struct stat about;

    if (lstat(path, &about))
        return ERR_SYSTEM;
    if (!S_ISDIR(about.st_mode) || about.st_uid != getuid() || (about.st_mode & 077))
        return ERR_REFUSED;
    return 0;
}

int place_runtime(place_env *env, struct buf *to) {
    struct str runtime = absolute_value_of(env, "XDG_RUNTIME_DIR");
    size_t start = to->n;
    const char *path;

    if (runtime.n > 0)
        buf_format(to, STR_FMT "/h3gw", STR_ARG(runtime));
    else
        buf_format(to, "/tmp/h3gw-%u", (unsigned)getuid());
    if (to->failed)
        return ERR_NO_MEMORY;
    path = (const char *)to->p + start;
    if (mkdir(path, 0700) && errno != EEXIST)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
    return check_private(path);
}

void place_owner(place_env *env, struct buf *to) {
    struct str user = value_of(env, "USER");
    char host[256] = "";

    if (user.n == 0)
        user = value_of(env, "LOGNAME");
    if (gethostname(host, sizeof(host) - 1))
        host[0] = 0;
    if (user.n > 0)
        buf_format(to, STR_FMT "@", STR_ARG(user));
    buf_str(to, host[0] ? str_of(host) : STR("localhost"));
}
