/* Writing the snapshot into the file, at build time. */
#define _GNU_SOURCE
#include <link.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "snapshot.h"

/* Nothing in the snapshot may point to where this process has its stack, the C library's heap or a mapping: there is none of that
 * in the process that starts from it. A word that looks so is told, with its place, and counted. */
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
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2 || from < (uintptr_t)snapshot_end)
            continue;
        for (uintptr_t *word = (uintptr_t *)snapshot_start; word < (uintptr_t *)snapshot_end; word++)
            if (*word >= from && *word < to) {
                fprintf(stderr, "snapshot: the word at %p is %#" PRIxPTR ", in %s", (void *)word, *word, line);
                found++;
            }
    }
    fclose(maps);
    return found;
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
int snapshot_write(const char *path, const char *heap_used)
{
    off_t offset = offset_of(snapshot_start);
    int file = open(path, O_WRONLY | O_CLOEXEC), strays = count_strays();
    if (strays != 0 || offset < 0 || file < 0) {
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
    printf("%td\n", heap_used - heap_start);
    return fflush(stdout) == 0 ? 0 : 1;
}
