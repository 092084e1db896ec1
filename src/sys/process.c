/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "sys/file.h"

enum { STATM_BYTES = 256 }; /* seven numbers */

static void look_at_memory(struct process_facts *f) {
    uint64_t all, resident, page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct str rest, first, second;
    struct buf text;

    buf_init(&text);
    if (file_read("/proc/self/statm", STATM_BYTES, &text) == 0) {
        rest = buf_view(&text);
        if (str_cut(&rest, ' ', &first) && str_cut(&rest, ' ', &second) &&
            str_to_u64(first, &all) == 0 && str_to_u64(second, &resident) == 0) {
            f->virtual_bytes = all * page;
            f->resident_bytes = resident * page;
        }
    }
    buf_fini(&text);
}

/* Without "." and "..", and the descriptor that looks. */
static uint64_t count_fds(void) {
    DIR *folder = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (!folder)
        return 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n > 3 ? n - 3 : 0;
}

static uint64_t ns_of(struct timeval t) {
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

static uint64_t max_fds(void) {
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit.rlim_cur;
}

const char *process_fds_advice(char to[PROCESS_ADVICE]) {
    (void)snprintf(to, PROCESS_ADVICE,
                   "all %" PRIu64 " are in use: raise ulimit -n, or lower max-connections",
                   max_fds());
    return to;
}

void process_look(struct process_facts *ret_facts) {
    struct rusage usage;

    *ret_facts = (struct process_facts){.open_fds = count_fds(), .max_fds = max_fds()};
    look_at_memory(ret_facts);
    if (!getrusage(RUSAGE_SELF, &usage))
        ret_facts->cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
}
