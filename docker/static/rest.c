/* PID 1 at rest: it waits for signals, and answers those that Python has written into a table. All else it hands to Python, and
 * decides nothing.
 *
 * An entry of the table is a decision of Python's: what was looked at for it, what that was like, and who was told what. C looks at
 * the same again. Where all of it is the same the decision would be the same, so those who were told are told again; where anything
 * is another it is Python's turn. What must be the same of a process is what the rules of pyinit/delivery/plan.py go by.
 *
 * A command that handles the signal, and is no shell and no program of its own kind, is told without a look at anybody else. Then
 * its name, its command line, and that it catches the signal are all that is looked at. These two files stay open: they are of this
 * process, and not of another one that may get its PID.
 *
 * The table is in no part of the snapshot, nor in any memory of Python's, and no function in here knows of Python.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rest.h"

#define LAST_IN_STAT 31     /* the highest signal that /proc/PID/stat tells of */
#define BASIC 0x7ffbfeffUL  /* all of them that can be blocked, see processes.BASIC */
#define PATIENCE 8          /* as in pyinit/kernel/arrivals.py */
#define ENOUGH_FILES 64     /* a limit below that leaves no descriptor for this */
#define LINE 1024           /* of a /proc/PID/stat; Linux 6.1 writes some 300 bytes */
#define LONGEST_NAME 64
#define ROOM (64UL << 10)   /* for all that was looked at */
#define MOST_TOLD 16
#define MOST_PIDS (REST_LONGEST / sizeof(pid_t))
#define LISTING (32UL << 10)

/* Fields of /proc/PID/stat behind the name, counted from 0, as in processes.py. */
enum {
    STATE, PARENT, GROUP, SESSION, STARTED = 19, START_CODE = 23, START_STACK = 25, BLOCKED = 29, IGNORED, CAUGHT, FIELDS
};

struct process {
    uint64_t parent, group, session, started, start_code, start_stack, blocked, ignored, caught;
    uint32_t is_alive, name_size;
    char name[LONGEST_NAME]; /* "PID (name)" */
};

/* Something that was looked at; behind it its path, and what there was: bytes, or a struct process. */
struct question {
    uint32_t kind, path_size, size;
    int32_t kept; /* which of the files that stay open it is, or -1 */
};

struct entry {
    size_t first, end; /* its questions in the room */
    int count;         /* of those who are told; 0: Python decides */
    struct {
        pid_t pid;
        int by;
    } told[MOST_TOLD];
};

static struct {
    uint64_t stops; /* the stop requests: bit n-1 is signal n */
    pid_t own;
    struct entry entries[LAST_IN_STAT + 1];
    size_t used;
    struct {
        int file;
        char path[32];
    } kept[2];
    int kept_count, has_signal;
    siginfo_t signal;
    char room[ROOM] __attribute__((aligned(8)));
} table;

static char raw[LISTING] __attribute__((aligned(8))); /* what is read last */

/* --- looking ----------------------------------------------------------------------------------------------------- */

/* Behind the name of a line of /proc/PID/stat, as numbers; 0 where there are not enough of them. */
static int read_fields(const char *at, uint64_t *fields)
{
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

/* A line of /proc/PID/stat; 0 where it is none. */
static int read_process(const char *line, size_t size, struct process *found)
{
    uint64_t fields[FIELDS];
    const char *bracket = memrchr(line, ')', size); /* the last one, as the name may hold any */
    size_t head = bracket == NULL ? 0 : (size_t)(bracket + 1 - line);
    if (head == 0 || head > sizeof found->name || !read_fields(line + head, fields))
        return 0;
    *found = (struct process){
        fields[PARENT], fields[GROUP], fields[SESSION], fields[STARTED], fields[START_CODE], fields[START_STACK],
        fields[BLOCKED], fields[IGNORED], fields[CAUGHT],
        fields[STATE] != 'Z' && fields[STATE] != 'X' && fields[STATE] != 'x', (uint32_t)head, ""
    };
    memcpy(found->name, line, head);
    return 1;
}

/* The processes in an open /proc, as numbers; -1 where there are too many. */
static ssize_t list_pids(int folder, pid_t *pids)
{
    size_t count = 0;
    for (;;) {
        long size = syscall(SYS_getdents64, folder, raw, sizeof raw);
        if (size <= 0)
            return size < 0 ? -1 : (ssize_t)(count * sizeof *pids);
        for (long at = 0; at < size; at += ((struct dirent64 *)(raw + at))->d_reclen) {
            const char *name = ((struct dirent64 *)(raw + at))->d_name;
            pid_t pid = 0;
            for (; *name >= '0' && *name <= '9'; name++)
                pid = pid * 10 + (*name - '0');
            if (*name != '\0' || pid == 0)
                continue;
            if (count == MOST_PIDS)
                return -1;
            pids[count++] = pid;
        }
    }
}

/* At most so many bytes of a file that the kernel hands out in one piece; -1 where it cannot be read. */
static ssize_t read_of(const char *folder, const char *name, char *text, size_t room)
{
    char path[64] = "";
    if (strlen(folder) + strlen(name) >= sizeof path)
        return -1;
    int file = open(strcat(strcat(path, folder), name), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -1;
    ssize_t size = pread(file, text, room, 0);
    close(file);
    if (size >= 0)
        text[size] = '\0';
    return size;
}

/* How often a process has been given a CPU; 0 where the kernel does not count that. As processes._turns(). */
static unsigned long long turns_of(const char *folder)
{
    char text[100], *at = text;
    if (read_of(folder, "schedstat", text, sizeof text - 1) <= 0)
        return 0;
    for (int field = 0; field < 2 && at != NULL; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* Whether a process runs, or would if it had a CPU. */
static int is_awake(const char *folder)
{
    ssize_t size = read_of(folder, "stat", raw, LINE);
    const char *bracket = size <= 0 ? NULL : memrchr(raw, ')', (size_t)size);
    return bracket == NULL || strncmp(bracket, ") R", 3) == 0;
}

/* A process, and where it sleeps, if it has not moved between the two: as processes.Look.blocks(). */
static ssize_t look_steadily(const char *folder, char *answer)
{
    struct process *found = (struct process *)answer;
    unsigned long long turns = turns_of(folder);
    ssize_t size = turns == 0 ? -1 : read_of(folder, "stat", raw, LINE);
    if (size <= 0 || !read_process(raw, (size_t)size, found) || (found->blocked & BASIC) == BASIC)
        return -1;
    found->blocked &= ~found->caught; /* as in is_same_process() */
    char *sleeps_in = answer + sizeof *found;
    size = read_of(folder, "wchan", sleeps_in, LONGEST_NAME);
    if (size < 0 || ((size == 0 || strcmp(sleeps_in, "0") == 0) && is_awake(folder)))
        return -1; /* it may have been woken in sigwait(), which shows when it has a CPU */
    return turns_of(folder) != turns ? -1 : (ssize_t)sizeof *found + size;
}

/* Which file it is, and when it was changed. */
static ssize_t look_at_status(const char *path, char *answer)
{
    struct stat found;
    if (stat(path, &found) < 0)
        return 0;
    uint64_t fields[] = {found.st_dev, found.st_ino, found.st_mode, (uint64_t)found.st_size,
                         (uint64_t)found.st_ctim.tv_sec, (uint64_t)found.st_ctim.tv_nsec};
    memcpy(answer, fields, sizeof fields);
    return sizeof fields;
}

static ssize_t read_once(int file, int kind, char *answer, size_t room)
{
    if (kind == REST_PIDS)
        return list_pids(file, (pid_t *)answer);
    return pread(file, answer, room, 0);
}

/* Look at what a question is about: at most REST_LONGEST bytes, and a zero. What cannot be looked at is empty, as in processes.py;
 * -1: that it cannot must be another answer. */
static ssize_t look(int kind, const char *path, int kept, char *answer)
{
    size_t room = kind == REST_HANDLER || kind == REST_PROCESS ? LINE : REST_LONGEST;
    ssize_t size;
    if (kind == REST_STEADY) {
        size = look_steadily(path, answer);
    } else if (kind == REST_STATUS) {
        size = look_at_status(path, answer);
    } else if (kind == REST_LINK) {
        size = readlink(path, answer, room);
    } else if (kept >= 0) {
        size = read_once(table.kept[kept].file, kind, answer, room);
    } else {
        int file = open(path, O_RDONLY | O_CLOEXEC | (kind == REST_PIDS ? O_DIRECTORY : O_NONBLOCK));
        if (file < 0)
            return kind == REST_FILE ? 0 : -1;
        size = read_once(file, kind, answer, room);
        close(file);
    }
    if (size < 0)
        return kind == REST_FILE || kind == REST_LINK ? 0 : -1;
    answer[size] = '\0';
    return size;
}

static int is_same_program(const struct process *one, const struct process *other)
{
    return one->is_alive && one->started == other->started && one->start_code == other->start_code &&
           one->start_stack == other->start_stack && one->name_size == other->name_size &&
           memcmp(one->name, other->name, one->name_size) == 0;
}

/* All signals are blocked in the moment between fork and exec, and who it is then nobody knows. What it blocks of those that it
 * catches changes whenever it waits for them, and nothing by it. */
static int is_same_process(const struct process *one, const struct process *other)
{
    return is_same_program(one, other) && one->parent == other->parent && one->group == other->group &&
           one->session == other->session && one->ignored == other->ignored && one->caught == other->caught &&
           (one->blocked & ~one->caught) == (other->blocked & ~other->caught) && (one->blocked & BASIC) != BASIC;
}

static int is_handler(const struct process *one, const struct process *other, int signum)
{
    return is_same_program(one, other) && (one->caught >> (signum - 1) & 1) && (one->blocked & BASIC) != BASIC;
}

/* Whether all that was looked at for a decision is the same now. */
static int is_as_it_was(const struct entry *entry)
{
    static char answer[REST_LONGEST + 1] __attribute__((aligned(8)));
    struct process now;
    for (size_t at = entry->first; at < entry->end;) {
        const struct question *asked = (const struct question *)(table.room + at);
        const char *path = (const char *)(asked + 1), *then = path + asked->path_size;
        ssize_t size = look((int)asked->kind, path, asked->kept, answer);
        if (size < 0)
            return 0;
        if (asked->kind == REST_HANDLER || asked->kind == REST_PROCESS) {
            const struct process *was = (const struct process *)then;
            if (!read_process(answer, (size_t)size, &now))
                return 0;
            if (asked->kind == REST_HANDLER ? !is_handler(&now, was, entry->told[0].by) : !is_same_process(&now, was))
                return 0;
        } else if ((size_t)size != asked->size || memcmp(answer, then, asked->size) != 0) {
            return 0;
        }
        at += sizeof *asked + asked->path_size + ((asked->size + 7) & ~7UL);
    }
    return 1;
}

/* --- the table, as Python writes it ------------------------------------------------------------------------------ */

/* Empty the table, and let go of the files. */
void rest_forget(void)
{
    while (table.kept_count > 0)
        close(table.kept[--table.kept_count].file);
    memset(table.entries, 0, sizeof table.entries);
    table.used = 0;
}

/* Begin an entry for a signal, in the place of the one that there was; 0: there can be none. `stops` are the stop requests. */
int rest_begin(int signum, uint64_t stops)
{
    struct rlimit limit;
    if (signum < 1 || signum > LAST_IN_STAT || getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < ENOUGH_FILES)
        return 0;
    if (table.used > ROOM / 2 || table.entries[signum].end != 0)
        rest_forget(); /* of the others too: they are written anew when their signals come */
    table.own = getpid();
    table.stops = stops;
    table.entries[signum] = (struct entry){.first = table.used, .end = table.used};
    return 1;
}

/* Keep a file open; -1: there are enough of them. */
static int keep_open(const char *path)
{
    int at = 0;
    while (at < table.kept_count && strcmp(table.kept[at].path, path) != 0)
        at++;
    if (at < table.kept_count)
        return at;
    if ((size_t)at == sizeof table.kept / sizeof *table.kept || strlen(path) >= sizeof table.kept[at].path)
        return -1;
    table.kept[at].file = open(path, O_RDONLY | O_CLOEXEC);
    if (table.kept[at].file < 0)
        return -1;
    strcpy(table.kept[at].path, path);
    table.kept_count++;
    return at;
}

/* Look at something for an entry that was begun; it must be the same from now on. Returns what there is, until the next call; NULL
 * where that cannot be, and then there is no entry. */
const char *rest_ask(int signum, int kind, const char *path, size_t *size)
{
    static char answer[REST_LONGEST + 1] __attribute__((aligned(8)));
    struct entry *entry = &table.entries[signum];
    size_t path_size = (strlen(path) + 8) & ~7UL, left = ROOM - entry->end;
    struct question *asked = (struct question *)(table.room + entry->end);
    int is_kept = kind == REST_HANDLER || kind == REST_KEPT;
    if (left < sizeof *asked + path_size + sizeof(struct process) + REST_LONGEST)
        return NULL;
    int kept = is_kept ? keep_open(path) : -1;
    if (is_kept && kept < 0)
        return NULL;
    ssize_t found = look(kind, path, kept, answer);
    if (found < 0)
        return NULL;
    *asked = (struct question){(uint32_t)kind, (uint32_t)path_size, (uint32_t)found, kept};
    char *place = (char *)(asked + 1);
    memset(place, 0, path_size);
    strcpy(place, path);
    if (kind == REST_HANDLER || kind == REST_PROCESS) {
        asked->size = sizeof(struct process);
        if (!read_process(answer, (size_t)found, (struct process *)(place + path_size)))
            return NULL;
    } else {
        memcpy(place + path_size, answer, (size_t)found);
    }
    entry->end += sizeof *asked + path_size + ((asked->size + 7) & ~7UL);
    size_t hidden = kind == REST_STEADY ? sizeof(struct process) : 0;
    *size = (size_t)found - hidden;
    return answer + hidden;
}

/* Have somebody told, by a signal or as a group; 0: that are too many. */
int rest_tell(int signum, pid_t pid, int by)
{
    struct entry *entry = &table.entries[signum];
    int at = 0;
    while (at < MOST_TOLD && entry->told[at].by != 0)
        at++;
    if (at == MOST_TOLD || by < 1 || by > LAST_IN_STAT)
        return 0;
    entry->told[at].pid = pid;
    entry->told[at].by = by;
    return 1;
}

/* The entry is complete: from now on C answers this signal. */
void rest_settle(int signum)
{
    struct entry *entry = &table.entries[signum];
    table.used = entry->end;
    while (entry->count < MOST_TOLD && entry->told[entry->count].by != 0)
        entry->count++;
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

/* Tell those of an entry; 0: nobody was told, and Python has to say why. */
static int tell(const struct entry *entry)
{
    for (int at = 0; entry->count > 1 && at < entry->count; at++)
        if (kill(entry->told[at].pid, 0) < 0 && errno != ESRCH)
            return 0;
    int told = 0;
    for (int at = 0; at < entry->count; at++)
        told += kill(entry->told[at].pid, entry->told[at].by) == 0;
    return told > 0;
}

/* Answer a signal by the table; 0: that is Python's. It is where the kernel says something itself (a word about a descriptor, a
 * terminal), and where the signal is of our own making. */
static int answer(const siginfo_t *found)
{
    if (found->si_signo > LAST_IN_STAT || table.entries[found->si_signo].count == 0)
        return 0;
    const struct entry *entry = &table.entries[found->si_signo];
    return found->si_code <= 0 && found->si_pid != table.own && is_as_it_was(entry) && tell(entry);
}

static int is_before(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec < other->tv_sec || (one->tv_sec == other->tv_sec && one->tv_nsec < other->tv_nsec);
}

/* The moment in so many seconds, of the monotonic clock. */
struct timespec rest_moment(double seconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += (time_t)seconds;
    moment.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_nsec -= 1000000000;
        moment.tv_sec++;
    }
    return moment;
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
    table.signal = *found;
    table.has_signal = 1;
}

/* A signal that is to be handed out once more; 0: there is none. */
int rest_take(siginfo_t *found)
{
    if (!table.has_signal)
        return 0;
    table.has_signal = 0;
    *found = table.signal;
    return found->si_signo;
}

/* Wait until a signal comes that is Python's, which is returned, or that moment of the monotonic clock (0). -1 and errno where the
 * kernel fails. The order is that of pyinit/kernel/arrivals.py: after each signal that is answered here those come that ask for a
 * stop, and after some of them those that have not been taken of late. */
int rest(const struct timespec *until, siginfo_t *found)
{
    sigset_t all, stops, others;
    int left = PATIENCE;
    int kept = rest_take(found);
    if (kept != 0)
        return kept;
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
