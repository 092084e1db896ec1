/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/* We are wrong: the third kind of error (see err.h). Always on; nothing that a
 * peer sends and nothing that the environment does may ever reach a check. */

#define check(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function);

/* Every struct that travels through a void pointer starts with a magic. */
#define check_magic(object, value) check((object) && (object)->magic == (value))

#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
