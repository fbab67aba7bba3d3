/* PID 1 asleep: it waits and reaps, in this loop, and of Python nothing is in memory.
 *
 * All that the interpreter has written to since the start is in copies of the file's pages, in memory that heap.c has given it, and on
 * the stack. All of it is given back. What is there then is the interpreter as it is in the file, so PID 1 wakes as it starts: by running
 * main() from where the interpreter is found. What Python has to know of its life until then is a few bytes that it leaves with us.
 *
 * A signal that Python has written an answer for (rest.c) does not wake it, and neither does the end of somebody whose status nobody
 * wants. Anything else does.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plain.h"
#include "rest.h"
#include "sleep.h"
#include "snapshot.h"

#define PAGE 4096UL
#define EXITS_AT_ONCE 64 /* of so many Python decides how often to look, see Supervisor.reap() */
#define DEAR_WORDS (32UL << 10) /* bytes that Python needs for the words when it wakes */
#define OF_A_WORD 64 /* of them, beside its characters */
#define STACK (256UL << 10) /* more than Python uses of it */

struct sleep asleep;
jmp_buf sleep_bed;

static enum { UNKNOWN, IT_DOES, IT_DOES_NOT } kernel; /* whether it lets us sleep */

/* Whether Python will need but little memory to read our words anew: at a container's limit there is not more. */
static int has_few_words(void)
{
    size_t size = 0;
    for (int at = 0; at < own.count; at++)
        size += OF_A_WORD + strlen(own.words[at]);
    return size <= DEAR_WORDS;
}

/* Whether we may sleep: whether the kernel gives back pages of the file for those that were written to. An emulator may take madvise()
 * and do nothing, and a kernel with larger pages would take what lies behind the snapshot. That is found out once, by a page that is of
 * no use any more. */
int sleep_may(void)
{
    if (kernel == UNKNOWN) {
        volatile char *canary = (volatile char *)snapshot_canary;
        *canary = 1;
        kernel = sysconf(_SC_PAGESIZE) == (long)PAGE && madvise(snapshot_canary, PAGE, MADV_DONTNEED) == 0 && *canary == 0
                     ? IT_DOES
                     : IT_DOES_NOT;
    }
    return kernel == IT_DOES && has_few_words();
}

/* The program's text and constants stay in the page cache, from where they come back when they are used. */
static void give_back_text(void)
{
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    for (unsigned long left = getauxval(AT_PHNUM); left > 0; left--, header++)
        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W))
            madvise((void *)(header->p_vaddr & ~(PAGE - 1)), header->p_memsz, MADV_DONTNEED);
}

/* -1: the snapshot cannot be had as it was, and then there is no Python any more. */
static int give_back(void)
{
    if (madvise(snapshot_start, (size_t)(snapshot_end - snapshot_start), MADV_DONTNEED) < 0)
        return -1;
    heap_forget();
    malloc_trim(0);
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - PAGE) & ~(PAGE - 1);
    madvise((void *)(end - STACK), STACK, MADV_DONTNEED);
    give_back_text();
    return 0;
}

/* The state page tells the truth. Its readers see one figure or the other. */
static void show_orphans(void)
{
    char figure[11];
    snprintf(figure, sizeof figure, "%010lu", asleep.before + asleep.orphans);
    if (asleep.page >= 0)
        (void)!pwrite(asleep.page, figure, sizeof figure - 1, asleep.place);
}

/* Reap those whose status nobody wants; whether it is Python's turn: the command has exited, nobody is left, or very many have gone. */
static int is_needed(void)
{
    siginfo_t gone;
    unsigned long before = asleep.orphans;
    for (;;) {
        gone.si_pid = 0;
        int found = waitid(P_ALL, 0, &gone, WEXITED | WNOHANG | WNOWAIT);
        int is_ours = found == 0 && gone.si_pid != 0 && gone.si_pid != asleep.command;
        if (!is_ours || waitpid(gone.si_pid, NULL, WNOHANG) != gone.si_pid || ++asleep.orphans - before == EXITS_AT_ONCE) {
            if (asleep.orphans != before)
                show_orphans();
            if (found < 0 && errno != ECHILD)
                kernel = IT_DOES_NOT; /* forbidden: asleep, we would be woken by that each time */
            return found < 0 || gone.si_pid != 0;
        }
    }
}

/* Sleep; what has ended that is handed out by rest() next, or found by a look at the children. -1: Python cannot be had any more. */
int sleep_until_needed(void)
{
    siginfo_t found;
    own.command = asleep.command;
    asleep.orphans = 0;
    if (give_back() < 0)
        return -1;
    while (!is_needed()) {
        int signum = rest(NULL, &found);
        if (signum < 0)
            break; /* Python will see why, and say so */
        if (signum != SIGCHLD && !plain_is_own(&found)) { /* our own: of a page that may not be written to */
            rest_keep(&found);
            break;
        }
    }
    return 0;
}
