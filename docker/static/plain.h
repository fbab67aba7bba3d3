/* plain.c, and what this process was started with. */
#ifndef PLAIN_H
#define PLAIN_H

#include <signal.h>
#include <sys/types.h>

#define LONGEST_COUNTER 512 /* bytes: memory.events has some 100 */

/* What this process was started with. It is in no part of the snapshot, so it outlives a sleep. */
struct own {
    sigset_t mask; /* of signals, as it was before */
    int count;
    char **words;
    pid_t command; /* 0: it has not been started, as far as C knows */
    const char *counter; /* where the kernel counts OOM kills, if C has looked; and what stood there before the command */
    char counted[LONGEST_COUNTER];
};
extern struct own own;

pid_t plain_start(int count, char **words, const sigset_t *mask);
int plain_is_own(const siginfo_t *found);
int plain_loop(pid_t command, int owed, int status);

#endif
