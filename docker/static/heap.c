/* The memory of the interpreter: malloc() and the like, as libpython calls them (build.sh renames them in it).
 *
 * While the interpreter is made, at build time, everything comes from one piece, which goes into the file. From then on what is
 * there stays: to free some of it does nothing, since its pages are those of the file, and all that is new is the C library's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "snapshot.h"

#define ALIGNMENT 16 /* as the C library's malloc() */
#define SMALL 1024

/* Before each piece stands its size, as given; the piece itself is aligned, and so is what follows it. */
struct head {
    size_t size;
};

struct unused {
    size_t room;
    struct unused *next;
};

extern char heap_start[], heap_end[]; /* of the linker: snapshot.ld */

static char *heap_at = heap_start;
static int is_sealed;
static struct unused *unused_of[SMALL / ALIGNMENT + 1], *unused_large;

static int is_in_heap(const void *piece)
{
    return (const char *)piece >= heap_start && (const char *)piece < heap_end;
}

static size_t room_for(size_t size)
{
    if (size < sizeof(struct unused))
        size = sizeof(struct unused);
    return ((size + sizeof(struct head) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) - sizeof(struct head);
}

static size_t *size_of(void *piece)
{
    return &((struct head *)piece - 1)->size;
}

static struct unused **list_of(size_t room)
{
    return room <= SMALL ? &unused_of[room / ALIGNMENT] : &unused_large;
}

static void *take(size_t size)
{
    size_t room = room_for(size);
    for (struct unused **at = list_of(room); *at != NULL; at = &(*at)->next)
        if ((*at)->room == room) {
            struct unused *found = *at;
            *at = found->next;
            *size_of(found) = size;
            return found;
        }
    if ((size_t)(heap_end - heap_at) < sizeof(struct head) + room + ALIGNMENT) {
        errno = ENOMEM;
        return NULL;
    }
    char *piece = (char *)(((uintptr_t)heap_at + sizeof(struct head) + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    heap_at = piece + room;
    *size_of(piece) = size;
    return piece;
}

void *heap_malloc(size_t size)
{
    return is_sealed ? malloc(size) : take(size);
}

void *heap_calloc(size_t count, size_t size)
{
    if (is_sealed)
        return calloc(count, size);
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    void *piece = take(all);
    if (piece != NULL)
        memset(piece, 0, all);
    return piece;
}

void heap_free(void *piece)
{
    if (!is_in_heap(piece)) {
        free(piece);
    } else if (!is_sealed) {
        size_t room = room_for(*size_of(piece));
        struct unused *unused = memset(piece, 0, room), **list = list_of(room);
        *unused = (struct unused){room, *list};
        *list = unused;
    }
}

void *heap_realloc(void *piece, size_t size)
{
    if (piece == NULL)
        return heap_malloc(size);
    if (!is_in_heap(piece))
        return realloc(piece, size);
    size_t before = *size_of(piece);
    if (!is_sealed && room_for(size) == room_for(before)) {
        *size_of(piece) = size;
        return piece;
    }
    if (is_sealed && size <= before)
        return piece;
    void *moved = heap_malloc(size);
    if (moved != NULL) {
        memcpy(moved, piece, before < size ? before : size);
        heap_free(piece);
    }
    return moved;
}

/* CPython's arenas, and the stack of its frames. */
void *heap_arena(void *context, size_t size)
{
    (void)context;
    if (!is_sealed)
        return heap_calloc(1, size);
    void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return arena == MAP_FAILED ? NULL : arena;
}

void heap_free_arena(void *context, void *arena, size_t size)
{
    (void)context;
    if (is_in_heap(arena))
        heap_free(arena);
    else
        munmap(arena, size);
}

/* Have the links of a list be zero, as the rest of what is not used. */
static void forget(struct unused **list)
{
    while (*list != NULL) {
        struct unused *first = *list;
        *list = first->next;
        *first = (struct unused){0, NULL};
    }
}

/* Nothing is handed out any more; the end of what was, for the size of the file. */
char *heap_seal(void)
{
    is_sealed = 1;
    for (size_t at = 0; at <= SMALL / ALIGNMENT; at++)
        forget(&unused_of[at]);
    forget(&unused_large);
    return heap_at;
}
