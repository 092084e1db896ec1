/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static int err_of_errno(void) {
    switch (errno) {
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_REFUSED;
    case EEXIST: return ERR_EXISTS;
    case ENOMEM: return ERR_NO_MEMORY;
    default: return ERR_SYSTEM;
    }
}

static void close_quietly(int fd) {
    int kept = errno;

    close(fd);
    errno = kept;
}

static int read_some(int fd, size_t room, struct buf *to, size_t *ret_n) {
    ssize_t n;

    if (buf_reserve(to, room))
        return ERR_NO_MEMORY;
    do
        n = read(fd, to->p + to->n, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_of_errno();
    to->n += (size_t)n;
    to->p[to->n] = 0;
    *ret_n = (size_t)n;
    return 0;
}

static int read_all(int fd, size_t limit, struct buf *to) {
    size_t start = to->n, n = 1;

    while (n > 0) {
        size_t room = limit - (to->n - start);
        int err = read_some(fd, room < 4096 ? room + 1 : 4096, to, &n);

        if (!err && to->n - start > limit)
            err = ERR_LIMIT;
        if (err) {
            to->n = start;
            return err;
        }
    }
    return 0;
}

int file_read(const char *path, size_t limit, struct buf *to) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int err;

    if (fd < 0)
        return err_of_errno();
    err = read_all(fd, limit, to);
    close_quietly(fd);
    return err;
}

const char *file_problem(int err) {
    switch (err) {
    case ERR_NOT_FOUND:
    case ERR_REFUSED:
    case ERR_EXISTS:
    case ERR_SYSTEM: return strerror(errno);
    case ERR_LIMIT: return "it is too long";
    default: return err_text(err);
    }
}

static int write_all(int fd, struct str bytes) {
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno();
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return 0;
}

/* mkostemp makes it 0600; a wider mode comes before the first byte, a narrower one too. */
static int write_temporary(char *path, struct str bytes, mode_t mode) {
    int fd = mkostemp(path, O_CLOEXEC);
    int err;

    if (fd < 0)
        return err_of_errno();
    err = fchmod(fd, mode) ? err_of_errno() : write_all(fd, bytes);
    if (!err && fsync(fd))
        err = err_of_errno();
    close_quietly(fd);
    if (err)
        unlink(path);
    return err;
}

/* Where neither renameat2 nor link can be had (FAT, some network file systems), O_EXCL
 * still reserves the name. */
static int move_by_reserving(const char *from, const char *to) {
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_of_errno();
    close(fd);
    return rename(from, to) ? err_of_errno() : 0;
}

static int move_to_new_name(const char *from, const char *to) {
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return err_of_errno();
    if (!link(from, to)) {
        unlink(from);
        return 0;
    }
    return errno == EEXIST ? ERR_EXISTS : move_by_reserving(from, to);
}

static int move(const char *from, const char *to, enum file_write how) {
    if (how == FILE_NEW)
        return move_to_new_name(from, to);
    return rename(from, to) ? err_of_errno() : 0;
}

/* The length of "…/" in front of the name. */
static size_t folder_length(struct str path) {
    size_t n = path.n;

    while (n > 0 && path.p[n - 1] != '/')
        n--;
    return n;
}

/* The rename counts only once the folder is on the disk; where that cannot be asked for,
 * the file is there all the same. */
static void sync_folder(const char *path) {
    size_t n = folder_length(str_of(path));
    char folder[PATH_MAX];
    int fd;

    if (n >= sizeof(folder))
        return;
    snprintf(folder, sizeof(folder), "%.*s", n ? (int)n : 1, n ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static int write_beside(const char *path, struct str bytes, mode_t mode, enum file_write how) {
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%.*s.h3gw-XXXXXX",
                     (int)folder_length(str_of(path)), path);
    int err;

    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    err = write_temporary(temporary, bytes, mode);
    if (err)
        return err;
    err = move(temporary, path, how);
    if (err) {
        int kept = errno;

        unlink(temporary);
        errno = kept;
        return err;
    }
    sync_folder(path);
    return 0;
}

int file_write(const char *path, struct str bytes, mode_t mode, enum file_write how) {
    struct stat about;
    char *target;
    int err;

    if (lstat(path, &about))
        return errno == ENOENT ? write_beside(path, bytes, mode, how) : err_of_errno();
    if (how == FILE_NEW) {
        errno = EEXIST;
        return ERR_EXISTS;
    }
    if (stat(path, &about))
        return err_of_errno();
    if (!S_ISREG(about.st_mode)) {
        errno = EEXIST;
        return ERR_EXISTS;
    }
    target = realpath(path, NULL);
    if (!target)
        return err_of_errno();
    err = write_beside(target, bytes, mode, how);
    free(target);
    return err;
}

static int make_folder(const char *path, mode_t mode) {
    struct stat about;

    if (!mkdir(path, mode))
        return 0;
    if (errno != EEXIST && !(errno == EROFS && !stat(path, &about)))
        return err_of_errno();
    if (stat(path, &about))
        return err_of_errno();
    if (S_ISDIR(about.st_mode))
        return 0;
    errno = ENOTDIR;
    return ERR_NOT_FOUND;
}

int file_make_folders(const char *path, mode_t mode) {
    char part[PATH_MAX];
    size_t n = strlen(path);
    int err = 0;

    if (n >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    memcpy(part, path, n + 1);
    for (size_t i = 1; i < n && !err; i++) {
        if (part[i] != '/')
            continue;
        part[i] = 0;
        err = make_folder(part, mode);
        part[i] = '/';
    }
    return err ? err : make_folder(part, mode);
}

void file_join(struct buf *to, struct str folder, struct str name) {
    if (!str_starts(name, STR("/")) && folder.n > 0) {
        buf_str(to, folder);
        if (!str_ends(folder, STR("/")))
            buf_char(to, '/');
    }
    buf_str(to, name);
}

void file_beside(struct buf *to, struct str file, struct str name) {
    file_join(to, (struct str){file.p, folder_length(file)}, name);
}

int file_real(const char *path, struct buf *to) {
    char *real = realpath(path, NULL);

    if (!real)
        return err_of_errno();
    buf_str(to, str_of(real));
    free(real);
    return to->failed ? ERR_NO_MEMORY : 0;
}

bool file_exists(const char *path) {
    struct stat about;

    return !stat(path, &about);
}

int file_lock(const char *path, struct file_lock *ret_lock) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int failed;

    if (fd < 0)
        return err_of_errno();
    do
        failed = fcntl(fd, F_OFD_SETLKW, &whole); /* flock's manners, on NFS too */
    while (failed && errno == EINTR);
    if (failed) {
        int err = err_of_errno();

        close_quietly(fd);
        return err;
    }
    ret_lock->fd = fd;
    return 0;
}

/* Not by closing alone: a child forked meanwhile may have it open too. */
void file_unlock(struct file_lock *lock) {
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    if (lock->fd >= 0) {
        fcntl(lock->fd, F_OFD_SETLK, &whole);
        close(lock->fd);
    }
    lock->fd = -1;
}
