/* The memory of the interpreter: malloc() and the like, as libpython calls them (build.sh renames them in it).
 *
 * While the interpreter is made, at build time, everything comes from areas that go into the file, in the order in which it is asked
 * for. From then on what is there stays: to free some of it does nothing, since its pages are those of the file. What is new is in
 * areas of another kind, or the C library's, and can be given back at once (sleep.c).
 *
 * A page that is written to is copied: this costs a microsecond and 4 KiB. So what a start writes to (reference counts, above all)
 * stands together, and so does what a stop writes to. As the interpreter is made in the same way each time, the how manyth piece is the
 * same piece in the next run; the plan tells of each what becomes of it. See snapshot.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot.h"

#define ALIGNMENT 16 /* as the C library's malloc() */
#define SMALL 1024
#define PAGE 4096UL
#define MOST_PIECES (1 << 22)
#define SCRATCH_BYTES (256UL << 20)
#define SCRATCH ((char *)0x2000000000) /* always there: what was freed may have left its address behind */

/* Before each piece; the piece itself is aligned. */
struct head {
    uint32_t size, number;
};

struct unused {
    size_t room;
    struct unused *next;
};

struct area {
    char *begin, *at, *end;
    struct unused *small[SMALL / ALIGNMENT + 1], *large;
};

static int is_sealed __attribute__((section(".variables")));

/* While the interpreter is made, and no part of it: the plan, and the pieces by their numbers, NULL for those that were freed. */
static struct {
    unsigned char *plan;
    char **pieces;
    size_t planned, count;
    struct area areas[HEAP_KINDS];
} making __attribute__((section(".making")));

static int is_in_heap(const void *piece)
{
    const char *at = piece;
    return (at >= heap_start && at < heap_end) || (at >= SCRATCH && at < SCRATCH + SCRATCH_BYTES && making.count > 0);
}

static size_t room_for(size_t size)
{
    if (size < sizeof(struct unused))
        size = sizeof(struct unused);
    return ((size + sizeof(struct head) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) - sizeof(struct head);
}

static struct head *head_of(void *piece)
{
    return (struct head *)piece - 1;
}

static struct unused **list_of(struct area *area, size_t room)
{
    return room <= SMALL ? &area->small[room / ALIGNMENT] : &area->large;
}

static char *take_from(struct area *area, size_t room)
{
    for (struct unused **at = list_of(area, room); *at != NULL; at = &(*at)->next)
        if ((*at)->room == room) {
            struct unused *found = *at;
            *at = found->next;
            return (char *)found;
        }
    char *piece = (char *)(((uintptr_t)area->at + sizeof(struct head) + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    if (piece > area->end || (size_t)(area->end - piece) < room)
        return NULL;
    area->at = piece + room;
    return piece;
}

static void *take(size_t size)
{
    size_t number = making.count++;
    if (number >= MOST_PIECES || size > SCRATCH_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    int kind = number < making.planned ? making.plan[number] : HEAP_COLD;
    char *piece = take_from(&making.areas[kind], room_for(size));
    if (piece == NULL)
        piece = take_from(&making.areas[HEAP_COLD], room_for(size)); /* the plan was made by a run in which it was smaller */
    if (piece == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *head_of(piece) = (struct head){(uint32_t)size, (uint32_t)number};
    making.pieces[number] = piece;
    return piece;
}

/* --- in a process that has started from the snapshot -------------------------------------------------------------
 *
 * All of it can be given back at once. For small pieces there are areas of our own; the C library's malloc() would hold on to some of
 * them, all over its heap. Nothing of this is in the snapshot. */

#define AREA (64UL << 10)

/* Before each piece. Of a small one: its room, and NULL. Of others, which are malloc()'s, it is a link of a chain. */
struct link {
    union {
        struct link *next;
        size_t room;
    };
    struct link **to_us;
};
_Static_assert(sizeof(struct link) == ALIGNMENT, "what is behind it is aligned");

static struct {
    struct link *large;
    struct unused *small[SMALL / ALIGNMENT + 1];
    struct used_area {
        _Alignas(ALIGNMENT) struct used_area *next;
    } *areas;
    char *at, *end; /* what is left of the first of these */
} now;

static struct link *get_small(size_t room)
{
    struct unused **list = &now.small[room / ALIGNMENT];
    if (*list != NULL) {
        struct unused *first = *list;
        *list = first->next;
        return (struct link *)first - 1;
    }
    size_t all = room + sizeof(struct link);
    if ((size_t)(now.end - now.at) < all) {
        struct used_area *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED)
            return NULL;
        area->next = now.areas;
        now.areas = area;
        now.at = (char *)(area + 1);
        now.end = (char *)area + AREA;
    }
    struct link *link = (struct link *)now.at;
    now.at += all;
    return link;
}

static void *chain(struct link *link)
{
    if (link == NULL)
        return NULL;
    link->next = now.large;
    link->to_us = &now.large;
    if (now.large != NULL)
        now.large->to_us = &link->next;
    now.large = link;
    return link + 1;
}

static void unchain(struct link *link)
{
    *link->to_us = link->next;
    if (link->next != NULL)
        link->next->to_us = link->to_us;
}

static int is_small(const struct link *link)
{
    return link->to_us == NULL;
}

static void *get(size_t size)
{
    if (size > SMALL) {
        if (size > SIZE_MAX - sizeof(struct link)) {
            errno = ENOMEM;
            return NULL;
        }
        return chain(malloc(size + sizeof(struct link)));
    }
    size_t room = size < ALIGNMENT ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct link *link = get_small(room);
    if (link == NULL)
        return NULL;
    link->room = room;
    link->to_us = NULL;
    return link + 1;
}

static void put_back(void *piece)
{
    struct link *link = (struct link *)piece - 1;
    if (is_small(link)) {
        struct unused *unused = piece, **list = &now.small[link->room / ALIGNMENT];
        *unused = (struct unused){link->room, *list};
        *list = unused;
    } else {
        unchain(link);
        free(link);
    }
}

static void *change(void *piece, size_t size)
{
    struct link *link = (struct link *)piece - 1;
    if (is_small(link)) {
        if (size <= link->room)
            return piece;
        void *moved = get(size);
        if (moved != NULL) {
            memcpy(moved, piece, link->room);
            put_back(piece);
        }
        return moved;
    }
    if (size > SIZE_MAX - sizeof(struct link)) {
        errno = ENOMEM;
        return NULL;
    }
    unchain(link);
    struct link *moved = realloc(link, size + sizeof(struct link));
    void *changed = chain(moved == NULL ? link : moved);
    return moved == NULL ? NULL : changed;
}

/* Give back all that the interpreter has been given since it was found in the file. It must not run any more. */
void heap_forget(void)
{
    while (now.large != NULL) {
        struct link *link = now.large;
        unchain(link);
        free(link);
    }
    while (now.areas != NULL) {
        struct used_area *area = now.areas;
        now.areas = area->next;
        munmap(area, AREA);
    }
    memset(&now, 0, sizeof now);
}

/* --- as libpython calls it --------------------------------------------------------------------------------------- */

void *heap_malloc(size_t size)
{
    return is_sealed ? get(size) : take(size);
}

void *heap_calloc(size_t count, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(count, size, &all) || all > SIZE_MAX - sizeof(struct link)) {
        errno = ENOMEM;
        return NULL;
    }
    if (is_sealed && all > SMALL)
        return chain(calloc(1, all + sizeof(struct link))); /* which does not clear what the kernel has cleared */
    void *piece = heap_malloc(all);
    if (piece != NULL)
        memset(piece, 0, all);
    return piece;
}

/* Which area a piece is in. */
static struct area *area_of(const char *piece)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++)
        if (piece >= making.areas[kind].begin && piece < making.areas[kind].end)
            return &making.areas[kind];
    abort();
}

void heap_free(void *piece)
{
    if (piece != NULL && !is_in_heap(piece)) {
        put_back(piece);
    } else if (piece != NULL && !is_sealed) {
        making.pieces[head_of(piece)->number] = NULL;
        size_t room = room_for(head_of(piece)->size);
        struct unused *unused = memset(piece, 0, room), **list = list_of(area_of(piece), room);
        *unused = (struct unused){room, *list};
        *list = unused;
        *head_of(piece) = (struct head){0, 0};
    }
}

void *heap_realloc(void *piece, size_t size)
{
    if (piece == NULL)
        return heap_malloc(size);
    if (!is_in_heap(piece))
        return change(piece, size);
    size_t before = head_of(piece)->size;
    if (is_sealed && size <= before)
        return piece;
    void *moved = heap_malloc(size);
    if (moved != NULL) {
        memcpy(moved, piece, before < size ? before : size);
        heap_free(piece);
    }
    return moved;
}

/* The stack of CPython's frames. */
void *heap_arena(void *context, size_t size)
{
    (void)context;
    return heap_calloc(1, size);
}

void heap_free_arena(void *context, void *arena, size_t size)
{
    (void)context, (void)size;
    heap_free(arena);
}

/* --- at build time ---------------------------------------------------------------------------------------------- */

static void *pages(char *place, size_t size)
{
    void *found = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED || (place != NULL && found != place)) {
        perror("the heap");
        exit(1);
    }
    return found;
}

static char *set_area(int kind, char *begin, char *end)
{
    making.areas[kind] = (struct area){.begin = begin, .at = begin, .end = end};
    return end;
}

/* Begin, by the plan in a file, which may be empty: a line with the bytes that are hot, and warm, then a byte for each piece. */
void heap_open(const char *path)
{
    size_t hot = 0, warm = 0;
    pages(SCRATCH, SCRATCH_BYTES);
    making.plan = pages(NULL, MOST_PIECES);
    making.pieces = pages(NULL, MOST_PIECES * sizeof *making.pieces);
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%zu %zu", &hot, &warm) == 2 && fgetc(file) == '\n')
        making.planned = fread(making.plan, 1, MOST_PIECES, file);
    if (file != NULL)
        fclose(file);
    char *at = heap_start;
    at = set_area(HEAP_HOT, at, at + ((hot + PAGE - 1) & ~(PAGE - 1)));
    at = set_area(HEAP_WARM, at, at + ((warm + PAGE - 1) & ~(PAGE - 1)));
    set_area(HEAP_COLD, at, heap_end);
    set_area(HEAP_PASSING, SCRATCH, SCRATCH + SCRATCH_BYTES);
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

/* Whether an address is one of what has passed: it is the same in each build, and nobody goes there any more. */
int heap_is_scratch(uintptr_t address)
{
    return address >= (uintptr_t)SCRATCH && address < (uintptr_t)SCRATCH + SCRATCH_BYTES;
}

/* Whether a piece is left outside of the heap: the plan was wrong about it, and the snapshot lacks it. */
int heap_lacks(void)
{
    int found = 0;
    for (size_t number = 0; number < making.count; number++)
        found += making.pieces[number] != NULL && heap_is_scratch((uintptr_t)making.pieces[number]);
    if (found > 0)
        fprintf(stderr, "heap: %d pieces should have passed, and are still there\n", found);
    return found;
}

/* Hand out nothing any more; tell where what is hot ends, and what is cold. */
struct heap_ends heap_seal(void)
{
    struct heap_ends ends = {making.areas[HEAP_WARM].end, making.areas[HEAP_COLD].at};
    for (size_t number = 0; number < making.count; number++)
        if (making.pieces[number] != NULL)
            head_of(making.pieces[number])->number = 0; /* which could look like an address */
    is_sealed = 1;
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        for (size_t at = 0; at <= SMALL / ALIGNMENT; at++)
            forget(&making.areas[kind].small[at]);
        forget(&making.areas[kind].large);
    }
    return ends;
}

/* Write a plan that knows what this run has shown: is_touched[] tells of each ALIGNMENT bytes of the heap, `kind` what that means. */
int heap_plan(const char *path, const unsigned char *is_touched, int kind)
{
    size_t bytes[HEAP_KINDS] = {0};
    for (size_t number = 0; number < making.count; number++) {
        char *piece = making.pieces[number];
        unsigned char *planned = &making.plan[number];
        if (number >= making.planned)
            *planned = HEAP_PASSING;
        if (piece == NULL)
            continue;
        size_t room = room_for(head_of(piece)->size);
        if (*planned == HEAP_PASSING)
            *planned = HEAP_COLD; /* who has stayed once is kept a place ever after */
        if (*planned == HEAP_COLD && !heap_is_scratch((uintptr_t)piece) &&
            memchr(is_touched + (piece - heap_start) / ALIGNMENT, 1, (room + ALIGNMENT - 1) / ALIGNMENT) != NULL)
            *planned = (unsigned char)kind;
        bytes[*planned] += room + sizeof(struct head);
    }
    FILE *file = fopen(path, "we");
    if (file == NULL || fprintf(file, "%zu %zu\n", bytes[HEAP_HOT] + ALIGNMENT, bytes[HEAP_WARM] + ALIGNMENT) < 0 ||
        fwrite(making.plan, 1, making.count, file) != making.count)
        return -1;
    return fclose(file);
}
