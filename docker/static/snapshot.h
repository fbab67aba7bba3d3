/* What main.c, snapshot.c and heap.c have in common. */
#include <stddef.h>

/* heap.c */
void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *piece, size_t size);
void heap_free(void *piece);
void *heap_arena(void *context, size_t size);
void heap_free_arena(void *context, void *arena, size_t size);
char *heap_seal(void);

/* snapshot.c */
int snapshot_write(const char *path, const char *heap_used);

/* Of the linker: what goes into the file. */
extern char snapshot_start[], heap_start[], heap_end[], snapshot_end[];
