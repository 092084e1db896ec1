/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

/* Small files as a whole: what is written is there completely or not at all, whoever
 * reads meanwhile and whatever is switched off meanwhile.
 *
 * Paths are terminated. ERR_NOT_FOUND, ERR_REFUSED (permissions, a read-only file system)
 * and ERR_SYSTEM leave errno as the failing call set it. */

/* All of it behind what `to` holds already. ERR_LIMIT: it is longer than limit bytes.
 * Pipes are read to their end. */
int file_read(const char *path, size_t limit, struct buf *to);

/* What such an error means, for "cannot read X: …"; errno is still that of the call. */
const char *file_problem(int err);

enum file_write { FILE_NEW, FILE_OVERWRITE };

/* A temporary file beside it, synced and renamed. It has at no time more permissions than
 * mode says (umask does not take part). FILE_NEW: ERR_EXISTS when there is one, also when
 * it came meanwhile. FILE_OVERWRITE replaces regular files only, and where a symbolic link
 * points: ERR_EXISTS for anything else. */
int file_write(const char *path, struct str bytes, mode_t mode, enum file_write how);

/* The folder and those above it, as mkdir -p; mode is that of the new ones. */
int file_make_folders(const char *path, mode_t mode);

/* name itself when it is absolute, else folder/name. Neither may be in `to`. */
void file_join(struct buf *to, struct str folder, struct str name);

/* Where `name`, written in the file `file`, points: beside it when it is relative. */
void file_beside(struct buf *to, struct str file, struct str name);

/* Absolute, without "." and ".." and symbolic links. */
int file_real(const char *path, struct buf *to);

bool file_exists(const char *path);

/* An exclusive lock between processes (and between two of one); it waits. The file is made
 * and stays: removing it would let two in. The lock goes with the process at the latest. */
struct file_lock {
    int fd; /* -1: not held */
};

int file_lock(const char *path, struct file_lock *ret_lock);
void file_unlock(struct file_lock *lock);

#endif
