/* What main.c, snapshot.c and heap.c have in common. */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* heap.c */
void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *piece, size_t size);
void heap_free(void *piece);
void *heap_arena(void *context, size_t size);
void heap_free_arena(void *context, void *arena, size_t size);

struct heap_ends {
    char *hot, *cold;
};
void heap_open(const char *plan);
struct heap_ends heap_seal(void);
int heap_is_scratch(uintptr_t address);
int heap_lacks(void);
int heap_plan(const char *path, const unsigned char *is_touched);

/* snapshot.c */
int snapshot_write(const char *path, struct heap_ends ends);
void snapshot_watch(struct heap_ends ends, const char *plan);
int snapshot_spawn(pid_t *pid);
int snapshot_sigwaitinfo(const sigset_t *set, siginfo_t *information);
pid_t snapshot_getpid(void);
pid_t snapshot_getppid(void);
int snapshot_kill(pid_t pid, int signum);

/* Of the linker: what goes into the file. */
extern char snapshot_start[], heap_start[], heap_end[], snapshot_end[];
