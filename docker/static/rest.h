/* PID 1 at rest: what it waits for, and what C answers of it by itself. See rest.c. */
#ifndef REST_H
#define REST_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define REST_LONGEST 4096 /* bytes of an answer; of a command line as many are looked at in pyinit/kernel/processes.py */

/* What is asked, and what must be the same for the answer to be the same. */
enum {
    REST_HANDLER = 1, /* /proc/PID/stat, which is kept open: the program, and that it catches the signal that it gets */
    REST_PROCESS,     /* /proc/PID/stat: the program, its relatives, and its masks */
    REST_KEPT,        /* all of a file, which is kept open */
    REST_FILE,        /* all of a file; what cannot be read is empty, as in processes.py */
    REST_LINK,        /* where a link points to */
    REST_PIDS,        /* the processes in /proc, in the order of their numbers */
    REST_STEADY,      /* /proc/PID/: the process, and where it sleeps; it has not moved while that was read */
    REST_STATUS,      /* which file it is that a path leads to, and when it was changed */
};

int rest_begin(int signum, uint64_t stops);
const char *rest_ask(int signum, int kind, const char *path, size_t *size);
int rest_tell(int signum, pid_t pid, int by);
void rest_settle(int signum);
void rest_forget(void);
struct timespec rest_moment(double seconds);
int rest(const struct timespec *until, siginfo_t *found);
void rest_keep(const siginfo_t *found);
int rest_take(siginfo_t *found);

#endif
