/* What make.c, snapshot.c, heap.c and sleep.c have in common. */
#include <stddef.h>
#include <stdint.h>

/* heap.c */
void heap_forget(void);
void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *piece, size_t size);
void heap_free(void *piece);
void *heap_arena(void *context, size_t size);
void heap_free_arena(void *context, void *arena, size_t size);

/* What becomes of a piece: it is written to by a start, by a stop, by neither, or it is freed while the interpreter is made. */
enum { HEAP_COLD, HEAP_HOT, HEAP_WARM, HEAP_PASSING, HEAP_KINDS };

struct heap_ends {
    char *warm, *cold;
};
void heap_open(const char *plan);
struct heap_ends heap_seal(void);
int heap_is_scratch(uintptr_t address);
int heap_lacks(void);
int heap_plan(const char *path, const unsigned char *is_touched, int kind);

/* snapshot.c */
int snapshot_write(const char *path, struct heap_ends ends);
void snapshot_watch(struct heap_ends ends, const char *plan);
void snapshot_watched(int kind);

/* Of the linker: what goes into the file. */
extern char snapshot_start[], heap_start[], heap_end[], snapshot_end[];

/* Of make.c: a page of the snapshot that holds nothing. */
extern char *const snapshot_canary;
