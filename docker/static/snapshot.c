/* At build time: the snapshot is written into the file, and a start is rehearsed, to find out what it writes to. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot.h"

extern char __start_untouched[], __stop_untouched[];

#define DEEPEST_STACK (1 << 20) /* bytes */

/* Nothing in the snapshot may point to where this process has its stack, or a mapping: there is none of that in the process that
 * starts from it. A word that does is told, with its place, and counted. (The C library's own heap lies lower, where text looks like
 * an address: pointers to it would differ from run to run, and build.sh compares two.) */
static int count_strays(void)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) {
        perror("/proc/self/maps");
        return 1;
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from, to, stack = (uintptr_t)__builtin_frame_address(0) - DEEPEST_STACK;
        char access[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, access) != 3 || from <= UINT32_MAX || heap_is_scratch(from))
            continue;
        if (access[0] == '-')
            continue; /* a guard */
        if (stack > from && stack < to)
            from = stack; /* QEMU's lies where bytecode looks like an address in what of it has not been used */
        for (uintptr_t *word = (uintptr_t *)snapshot_start; word < (uintptr_t *)snapshot_end; word++)
            if (*word >= from && *word < to) {
                fprintf(stderr, "snapshot: the word at %p is %#" PRIxPTR ", in %s", (void *)word, *word, line);
                found++;
            }
    }
    fclose(maps);
    return found;
}

/* Whether somebody has used what is left out of the snapshot (joined.ld). */
static int is_touched(void)
{
    for (const char *at = __start_untouched; at < __stop_untouched; at++)
        if (*at != 0) {
            fprintf(stderr, "snapshot: pymalloc has been used: %p is not zero\n", (const void *)at);
            return 1;
        }
    return 0;
}

/* Where in the file an address is, by the program headers; -1 where it is in none. */
static off_t offset_of(const char *address)
{
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    for (unsigned long left = getauxval(AT_PHNUM); left > 0; left--, header++)
        if (header->p_type == PT_LOAD && (uintptr_t)address - header->p_vaddr < header->p_filesz)
            return (off_t)(header->p_offset + ((uintptr_t)address - header->p_vaddr));
    return -1;
}

/* Write the snapshot into its place in a copy of this program, and print how many bytes of the heap are used. */
int snapshot_write(const char *path, struct heap_ends ends)
{
    if (heap_lacks() || is_touched() || count_strays() != 0)
        return 1;
    off_t offset = offset_of(snapshot_start);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (offset < 0 || file < 0) {
        perror(path);
        return 1;
    }
    for (const char *at = snapshot_start; at < snapshot_end;) {
        ssize_t size = pwrite(file, at, (size_t)(snapshot_end - at), offset + (at - snapshot_start));
        if (size <= 0) {
            perror(path);
            return 1;
        }
        at += size;
    }
    printf("%td\n", ends.cold - heap_start);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* --- the rehearsal ---------------------------------------------------------------------------------------------- */

#define GRANULE 16 /* of heap_plan() */

static struct {
    const char *plan;
    uintptr_t page;
    char *open[2]; /* the pages that can be written to: two, as one instruction may write to both */
    unsigned char *is_touched;
} rehearsal;

/* A page of the heap is written to that cannot be: note where, and have that page be writable, and not the one before the last. So
 * of each page it is known what is written to first, after others were. */
static void on_write(int signum, siginfo_t *information, void *context)
{
    char *at = information->si_addr;
    (void)signum, (void)context;
    if (at < heap_start || at >= heap_end) {
        signal(SIGSEGV, SIG_DFL);
        return;
    }
    rehearsal.is_touched[(at - heap_start) / GRANULE] = 1;
    if (rehearsal.open[0] != NULL)
        mprotect(rehearsal.open[0], rehearsal.page, PROT_READ);
    rehearsal.open[0] = rehearsal.open[1];
    rehearsal.open[1] = (char *)((uintptr_t)at & ~(rehearsal.page - 1));
    mprotect(rehearsal.open[1], rehearsal.page, PROT_READ | PROT_WRITE);
}

/* From here on, note what of the cold part of the heap is written to. */
void snapshot_watch(struct heap_ends ends, const char *plan)
{
    struct sigaction action = {.sa_sigaction = on_write, .sa_flags = SA_SIGINFO | SA_NODEFER};
    rehearsal.plan = plan;
    rehearsal.page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *begin = (char *)(((uintptr_t)ends.warm + rehearsal.page - 1) & ~(rehearsal.page - 1));
    rehearsal.is_touched = calloc(1, (size_t)(heap_end - heap_start) / GRANULE);
    if (rehearsal.is_touched == NULL || sigaction(SIGSEGV, &action, NULL) < 0 ||
        mprotect(begin, (size_t)(heap_end - begin), PROT_READ) < 0) {
        perror("the rehearsal");
        exit(1);
    }
}

/* The end of the rehearsal: a plan in which what was touched is of this kind. */
void snapshot_watched(int kind)
{
    _exit(heap_plan(rehearsal.plan, rehearsal.is_touched, kind) < 0);
}
