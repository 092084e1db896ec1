# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# epoll, and poll where epoll is refused; no select, io_uring, inotify or signalfd.

archive_of libev.a -w -fno-strict-aliasing -DEV_STANDALONE=1 \
    -DEV_USE_EPOLL=1 -DEV_USE_POLL=1 -DEV_USE_SELECT=0 -DEV_USE_LINUXAIO=0 -DEV_USE_IOURING=0 \
    -DEV_USE_EVENTFD=1 -DEV_USE_TIMERFD=0 -DEV_USE_SIGNALFD=0 -DEV_USE_INOTIFY=0 \
    -DEV_USE_MONOTONIC=1 -DEV_USE_CLOCK_SYSCALL=0 -DEV_USE_NANOSLEEP=1 ev.c
headers_from . ev.h
license_from LICENSE
