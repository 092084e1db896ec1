/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/changes.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

enum { CHANGES_MAGIC = 0x63686e67, EVENTS_BYTES = 4096 };

#define SEEN (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)

struct name {
    struct list link; /* changes.names */
    int folder;       /* inotify's number of it */
    char text[];      /* empty: all in it */
};

struct changes {
    uint32_t magic;
    int fd;
    struct loop_watch watch;
    struct task *task;
    struct list names;
};

static bool is_wanted(const struct changes *c, const struct inotify_event *e) {
    list_each(&c->names, at, next) {
        const struct name *n = list_entry(at, struct name, link);
        if (n->folder == e->wd && (!n->text[0] || (e->len && strcmp(n->text, e->name) == 0)))
            return true;
    }
    return (e->mask & IN_Q_OVERFLOW) != 0;
}

static bool look(const struct changes *c, const char *bytes, size_t n) {
    bool seen = false;

    for (size_t at = 0; at < n;) {
        struct inotify_event e;
        memcpy(&e, bytes + at, sizeof e);
        seen = seen || is_wanted(c, (const void *)(bytes + at));
        at += sizeof e + e.len;
    }
    return seen;
}

static void on_ready(struct loop_watch *watch, int events) {
    struct changes *c = container_of(watch, struct changes, watch);
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    ssize_t n;

    (void)events;
    check_magic(c, CHANGES_MAGIC);
    while ((n = read(c->fd, bytes, sizeof bytes)) > 0)
        if (look(c, bytes, (size_t)n))
            task_wake(c->task, CHANGES_SEEN);
}

struct changes *changes_new(struct loop *loop, struct task *task) {
    struct changes *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->magic = CHANGES_MAGIC;
    c->task = task;
    list_init(&c->names);
    c->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (c->fd < 0 || loop_watch_init(&c->watch, loop, c->fd, on_ready)) {
        int number = errno;
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        errno = number;
        return NULL;
    }
    loop_watch_set(&c->watch, LOOP_READ);
    return c;
}

const char *changes_problem(int err) {
    if (err != ERR_SYSTEM)
        return err_text(err);
    switch (errno) {
    case ENOSPC: return "all watches of this user are taken: raise fs.inotify.max_user_watches";
    case EMFILE:
        return "all inotify instances of this user, or all open files, are taken: raise "
               "fs.inotify.max_user_instances, or ulimit -n";
    default: return strerror(errno);
    }
}

static int err_of_errno(void) {
    switch (errno) {
    case ENOMEM: return ERR_NO_MEMORY;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    default: return ERR_SYSTEM;
    }
}

static bool is_named(const struct changes *c, int folder, const char *text) {
    list_each(&c->names, at, next) {
        const struct name *n = list_entry(at, struct name, link);
        if (n->folder == folder && strcmp(n->text, text) == 0)
            return true;
    }
    return false;
}

/* folder ends before name; it is "." when there is none. */
static int add_name(struct changes *c, const char *path, const char *name) {
    size_t n_folder = (size_t)(name - path), n = strlen(name);
    char folder[PATH_MAX];
    struct name *new;
    int wd;

    if (n_folder >= sizeof folder)
        return ERR_INVALID;
    memcpy(folder, path, n_folder);
    folder[n_folder] = '\0';
    wd = inotify_add_watch(c->fd, n_folder ? folder : ".", SEEN);
    if (wd < 0)
        return err_of_errno();
    if (is_named(c, wd, name))
        return 0;
    new = malloc(sizeof *new + n + 1);
    if (!new)
        return ERR_NO_MEMORY;
    new->folder = wd;
    memcpy(new->text, name, n + 1);
    list_append(&c->names, &new->link);
    return 0;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

struct timespec changes_now(void) {
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now;
}

static bool is_after(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* It, or the symbolic link that it is. */
static bool has_changed(const char *path, struct timespec read_at) {
    struct stat link, file;

    return (lstat(path, &link) == 0 && is_after(link.st_ctim, read_at)) ||
           (stat(path, &file) == 0 && is_after(file.st_ctim, read_at));
}

int changes_add(struct changes *c, const char *path, struct timespec read_at) {
    const char *name = base_name(path);
    char *target;
    int err, number;

    check_magic(c, CHANGES_MAGIC);
    err = add_name(c, path, name);
    target = *name && !err ? realpath(path, NULL) : NULL;
    if (target)
        err = add_name(c, target, base_name(target));
    number = errno;
    free(target);
    if (has_changed(path, read_at))
        task_wake(c->task, CHANGES_SEEN);
    errno = number;
    return err;
}

static void forget_names(struct changes *c) {
    list_each(&c->names, at, next) {
        struct name *n = list_entry(at, struct name, link);
        list_remove(at);
        (void)inotify_rm_watch(c->fd, n->folder);
        free(n);
    }
}

void changes_free(struct changes *c) {
    if (!c)
        return;
    check_magic(c, CHANGES_MAGIC);
    forget_names(c);
    loop_watch_fini(&c->watch);
    close(c->fd);
    c->magic = 0;
    free(c);
}
