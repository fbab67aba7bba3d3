/* PID 1 asleep. See sleep.c. */
#ifndef SLEEP_H
#define SLEEP_H

#include <setjmp.h>
#include <stddef.h>
#include <sys/types.h>

#define SLEEP_LONGEST (16 << 10) /* bytes that Python may keep */

/* What is true while Python sleeps, as it has told. */
struct sleep {
    pid_t command;
    int page;             /* the descriptor of the state page, or -1 */
    off_t place;          /* of the count of orphans in it */
    unsigned long before; /* so many of them had been reaped */
    unsigned long orphans; /* and so many since */
    size_t size;
    char kept[SLEEP_LONGEST]; /* what Python wants to find when it wakes */
};
extern struct sleep asleep;

/* Where main() goes on when PID 1 falls asleep: Python's frames are gone then. */
extern jmp_buf sleep_bed;

int sleep_may(void);
int sleep_until_needed(void);

#endif
