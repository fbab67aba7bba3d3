/* PID 1 at rest: what it waits for, and what C answers of it by itself. See rest.c. */
#ifndef REST_H
#define REST_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define REST_WORDS 4096 /* bytes of a command line that are looked at, as in processes.LONGEST_WORDS */
#define REST_LINE 1024  /* of a /proc/PID/stat; Linux 6.1 writes some 300 */

struct rest_seen {
    ssize_t line_size, words_size;
    char line[REST_LINE], words[REST_WORDS + 1];
};

const struct rest_seen *rest_know(pid_t command, uint64_t stops);
void rest_answer(int signum, int by);
void rest_forget(void);
int rest(const struct timespec *until, siginfo_t *found);
void rest_keep(const siginfo_t *found);

#endif
