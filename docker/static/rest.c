/* PID 1 at rest: it waits for signals, and answers those that Python has written into a table: "this signal is for the command alone,
 * as long as that is the process that I have seen". All else it hands to Python, and decides nothing.
 *
 * What Python goes by when it tells the command alone is its name, its command line, and whether it catches the signal
 * (delivery/plan.py: takes_as_it_is(), is_plain_handler()). So these are looked at again at each signal. The two files of /proc stay
 * open: they are of this process, and not of another one that may get its PID.
 *
 * The table is in no part of the snapshot, nor in any memory of Python's, and no function in here knows of Python.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rest.h"

#define LAST_IN_STAT 31 /* the highest signal that /proc/PID/stat tells of */
#define BASIC 0x7ffbfeffUL /* all of them that can be blocked, see processes.BASIC */
#define PATIENCE 8 /* as in pyinit/kernel/arrivals.py */
#define ENOUGH_FILES 64 /* a limit below that leaves no descriptor for this */

/* Fields of /proc/PID/stat behind the name, counted from 0, as in processes.py. */
enum { STATE, STARTED = 19, START_CODE = 23, START_STACK = 25, BLOCKED = 29, CAUGHT = 31, FIELDS };

static struct {
    pid_t command, own;
    int stat, cmdline; /* descriptors; they are of use where command is not 0 */
    uint64_t stops;    /* the stop requests: bit n-1 is signal n */
    unsigned char by[LAST_IN_STAT + 1]; /* which signal answers which; 0: Python does */
    struct rest_seen seen;
    siginfo_t kept;
    int has_kept;
} table;

/* --- the command ------------------------------------------------------------------------------------------------- */

/* The numbers behind the name, which ends at `head`; 0 where there are not enough of them. */
static int read_fields(const char *line, size_t head, uint64_t *fields)
{
    const char *at = line + head;
    for (int field = 0; field < FIELDS; field++) {
        if (*at++ != ' ' || *at == '\0')
            return 0;
        uint64_t number = 0;
        if (field == STATE) {
            number = (unsigned char)*at++;
        } else {
            at += *at == '-';
            for (; *at >= '0' && *at <= '9'; at++)
                number = number * 10 + (uint64_t)(*at - '0');
        }
        fields[field] = number;
    }
    return *at == ' ';
}

/* Where the name ends: behind the last bracket, as the name may hold any. */
static size_t head_of(const char *line, size_t size)
{
    const char *bracket = memrchr(line, ')', size);
    return bracket == NULL ? 0 : (size_t)(bracket + 1 - line);
}

/* Read one of the two files; what it holds, as a string too. */
static ssize_t look(int file, char *text, size_t room)
{
    ssize_t size = pread(file, text, room - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    return size;
}

/* Whether the command is still what Python has seen, and catches a signal (0: any or none). */
static int is_as_seen(int signum)
{
    static char text[REST_WORDS + 1];
    uint64_t then[FIELDS], now[FIELDS];
    ssize_t size = look(table.stat, text, REST_LINE);
    if (size <= 0)
        return 0; /* EBADF, ENOMEM; ESRCH: it has been reaped */
    size_t head = head_of(text, (size_t)size);
    if (head == 0 || head != head_of(table.seen.line, (size_t)table.seen.line_size) || memcmp(text, table.seen.line, head) != 0)
        return 0;
    if (!read_fields(text, head, now) || !read_fields(table.seen.line, head, then))
        return 0;
    if (now[STATE] == 'Z' || now[STATE] == 'X' || now[STATE] == 'x' || now[STARTED] != then[STARTED] ||
        now[START_CODE] != then[START_CODE] || now[START_STACK] != then[START_STACK])
        return 0;
    if (signum != 0 && (!(now[CAUGHT] >> (signum - 1) & 1) || (now[BLOCKED] & BASIC) == BASIC))
        return 0; /* all are blocked in the moment between fork and exec: who is it then? */
    size = look(table.cmdline, text, sizeof text);
    return size == table.seen.words_size && memcmp(text, table.seen.words, (size_t)size) == 0;
}

/* --- the table, as Python writes it ------------------------------------------------------------------------------ */

/* Empty the table, and let go of the files. */
void rest_forget(void)
{
    if (table.command != 0) {
        close(table.stat);
        close(table.cmdline);
    }
    table.command = 0;
    memset(table.by, 0, sizeof table.by);
}

static int open_of(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Look at the command, and keep what is there to be compared with. What was written stays if it is still the same, and is forgotten
 * if not. NULL, and no table: there is no way to look at it, or no descriptor to spare. `stops` are the stop requests. */
const struct rest_seen *rest_know(pid_t command, uint64_t stops)
{
    struct rlimit limit;
    if (table.command == command && is_as_seen(0))
        return &table.seen;
    rest_forget();
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < ENOUGH_FILES)
        return NULL;
    table.stat = open_of(command, "stat");
    if (table.stat < 0)
        return NULL;
    table.cmdline = open_of(command, "cmdline");
    if (table.cmdline < 0) {
        close(table.stat);
        return NULL;
    }
    table.command = command;
    table.own = getpid();
    table.stops = stops;
    table.seen.line_size = look(table.stat, table.seen.line, sizeof table.seen.line);
    table.seen.words_size = look(table.cmdline, table.seen.words, sizeof table.seen.words);
    if (table.seen.line_size > 0 && table.seen.words_size >= 0)
        return &table.seen;
    rest_forget();
    return NULL;
}

/* Have C answer a signal by another, or by the same. */
void rest_answer(int signum, int by)
{
    if (table.command != 0 && signum > 0 && signum <= LAST_IN_STAT && by > 0 && by <= LAST_IN_STAT)
        table.by[signum] = (unsigned char)by;
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

/* Answer a signal by the table; 0: that is Python's. It is where the kernel says something itself (a word about a descriptor, a
 * terminal), and where the signal is of our own making. */
static int answer(const siginfo_t *found)
{
    int signum = found->si_signo;
    if (table.command == 0 || signum > LAST_IN_STAT || table.by[signum] == 0)
        return 0;
    if (found->si_code > 0 || found->si_pid == table.own || !is_as_seen(table.by[signum]))
        return 0;
    return kill(table.command, table.by[signum]) == 0;
}

static int is_before(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec < other->tv_sec || (one->tv_sec == other->tv_sec && one->tv_nsec < other->tv_nsec);
}

/* What is left until a moment; nothing where it has passed. */
static struct timespec left_until(const struct timespec *until)
{
    struct timespec now, left = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (is_before(&now, until)) {
        left.tv_sec = until->tv_sec - now.tv_sec;
        left.tv_nsec = until->tv_nsec - now.tv_nsec;
        if (left.tv_nsec < 0) {
            left.tv_nsec += 1000000000;
            left.tv_sec--;
        }
    }
    return left;
}

/* The next signal; 0 when the time is over, -1 and errno. */
static int wait_for(const sigset_t *among, const struct timespec *until, siginfo_t *found)
{
    for (;;) {
        struct timespec left = until == NULL ? (struct timespec){0, 0} : left_until(until);
        int signum = sigtimedwait(among, found, until == NULL ? NULL : &left);
        if (signum > 0 || errno != EINTR) /* interrupted: it was stopped, or frozen, or traced */
            return signum < 0 && errno == EAGAIN && until != NULL ? 0 : signum;
    }
}

/* A signal that is pending; 0: there is none, or it could not be looked for, and then wait_for() will find it. */
static int look_for(const sigset_t *among, siginfo_t *found)
{
    const struct timespec none = {0, 0};
    int signum = sigtimedwait(among, found, &none);
    return signum > 0 ? signum : 0;
}

/* Hand this signal out once more: what it was handed to has failed. */
void rest_keep(const siginfo_t *found)
{
    table.kept = *found;
    table.has_kept = 1;
}

/* Wait until a signal comes that is Python's, which is returned, or that moment of the monotonic clock (0). -1 and errno where the
 * kernel fails. The order is that of pyinit/kernel/arrivals.py: after each signal that is answered here those come that ask for a
 * stop, and after some of them those that have not been taken of late. */
int rest(const struct timespec *until, siginfo_t *found)
{
    sigset_t all, stops, others;
    int left = PATIENCE;
    if (table.has_kept) {
        table.has_kept = 0;
        *found = table.kept;
        return found->si_signo;
    }
    sigfillset(&all);
    sigemptyset(&stops);
    for (int signum = 1; signum <= 64; signum++)
        if (table.stops >> (signum - 1) & 1)
            sigaddset(&stops, signum);
    others = all;
    for (;;) {
        int signum = wait_for(&all, until, found);
        while (signum > 0) {
            if (!answer(found))
                return signum;
            sigdelset(&others, signum);
            signum = look_for(&stops, found);
            if (signum == 0 && --left <= 0 && (signum = look_for(&others, found)) == 0) {
                others = all;
                left = PATIENCE;
            }
        }
        if (signum < 0)
            return signum;
        if (until != NULL) {
            struct timespec none = left_until(until);
            if (none.tv_sec == 0 && none.tv_nsec == 0)
                return 0;
        }
    }
}
