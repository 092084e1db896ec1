/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void look_at_memory(struct process_facts *f) {
    unsigned long long all, resident, page = (unsigned long long)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return;
    if (fscanf(file, "%llu %llu", &all, &resident) == 2) {
        f->virtual_bytes = all * page;
        f->resident_bytes = resident * page;
    }
    fclose(file);
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

void process_look(struct process_facts *ret_facts) {
    struct rusage usage;
    struct rlimit limit;

    *ret_facts = (struct process_facts){.open_fds = count_fds()};
    look_at_memory(ret_facts);
    if (!getrlimit(RLIMIT_NOFILE, &limit))
        ret_facts->max_fds = limit.rlim_cur;
    if (!getrusage(RUSAGE_SELF, &usage))
        ret_facts->cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
}
