/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_CHANGES_H
#define SYS_CHANGES_H

#include <time.h>

#include "base/turn.h"
#include "sys/loop.h"

/* Tells when files change: written and closed, replaced, moved away, made (inotify). Folders are
 * watched, as editors and certificate tools replace files by renaming; of a symbolic link the
 * folder that it stands in, and that of the file it leads to. */

struct changes;

enum { CHANGES_SEEN = 1u << 11 };

/* task is woken with CHANGES_SEEN. NULL: no memory, or the kernel has no watch for us; errno says.
 */
struct changes *changes_new(struct loop *loop, struct task *task);
/* That file, whether it is there or not; "folder/" stands for all in it. If it has changed since
 * read_at (changes_now, before it was read) the task is woken as well. 0 or a negative err: it is
 * not watched (no such folder, no memory; ERR_SYSTEM: errno says). */
int changes_add(struct changes *c, const char *path, struct timespec read_at);
/* Why, and what helps; errno as it was then. Of changes_new: with ERR_SYSTEM. */
const char *changes_problem(int err);
/* The clock that files are stamped by. */
struct timespec changes_now(void);
void changes_free(struct changes *c);

#endif
