/* What C does of PID 1's work: the start of the plainest command, before Python has looked at anything, and the loop for when Python
 * can do nothing at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plain.h"
#include "rest.h"

#define FIRST_OF_LIBC 32 /* from here to SIGRTMIN: cancelling and changing the user of threads */
#define PATIENCE 5 /* seconds, as in pyinit/life/last_resort.py; so is what follows */
#define UNKNOWN 125

struct own own;

int __real_posix_spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                       char *const[]);
int __wrap_posix_spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                       char *const[]);

/* Whether we ignore one of the two signals that the C library keeps for itself: it hides them, so the kernel is asked. */
static int is_ignored(int signum)
{
    void *action[8] = {NULL}; /* the kernel's struct sigaction: the handler comes first */
    return syscall(SYS_rt_sigaction, signum, NULL, action, _NSIG / 8) == 0 && action[0] == (void *)SIG_IGN;
}

/* The C library's posix_spawn() leaves its own two signals ignored in the child, for good, unless it is told that they are to
 * have their default (__spawni_child() in sysdeps/unix/sysv/linux/spawni.c); and its sigaddset() refuses to tell that. */
static void default_signals_of_libc(posix_spawnattr_t *attributes)
{
    sigset_t defaults;
    short flags;
    unsigned long first; /* signals 1 to 64 */
    posix_spawnattr_getflags(attributes, &flags);
    posix_spawnattr_getsigdefault(attributes, &defaults);
    if (!(flags & POSIX_SPAWN_SETSIGDEF))
        sigemptyset(&defaults);
    memcpy(&first, &defaults, sizeof first);
    for (int signum = FIRST_OF_LIBC; signum < SIGRTMIN; signum++)
        if (!is_ignored(signum))
            first |= 1UL << (signum - 1);
    memcpy(&defaults, &first, sizeof first);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    posix_spawnattr_setflags(attributes, flags | POSIX_SPAWN_SETSIGDEF);
}

/* posix_spawn(), as posix.posix_spawn() calls it (the linker's --wrap). */
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *given,
                       char *const words[], char *const variables[])
{
    posix_spawnattr_t attributes = *given; /* posix.posix_spawn() always gives some */
    default_signals_of_libc(&attributes);
    return __real_posix_spawn(pid, path, actions, &attributes, words, variables);
}

/* --- the plainest start ------------------------------------------------------------------------------------------ */

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Whether nothing is to be decided: PID 1, by our own name, `--` and a command, no variable of ours, no terminal, nothing that the
 * kernel would have to do for us between fork and exec. In any other case Python decides (cli.py, spawn.py). */
static int is_plain(int count, char **words)
{
    if (getpid() != 1 || count < 3 || strcmp(name_of(words[0]), "pyinit") != 0 || strcmp(words[1], "--") != 0)
        return 0;
    if (strcmp(name_of(words[2]), "pyinit") == 0)
        return 0; /* one in the other: options.py makes one of two */
    for (char **entry = environ; *entry != NULL; entry++)
        if (begins(*entry, "PYINIT_") || begins(*entry, "LISTEN_PID="))
            return 0;
    for (int stream = 0; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            return 0;
    struct sigaction action;
    return tcgetpgrp(STDIN_FILENO) < 0 && sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

/* Note how many have been killed for want of memory so far: before Python looks, the command may be one of them. In a container
 * one of these counters is its own, as a rule; Python knows which (system.OOM_COUNTERS), and takes that
 * of version 1 where there are both. */
static void look_at_counter(void)
{
    static const char *const counters[] = {"/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"};
    for (size_t at = 0; at < sizeof counters / sizeof *counters; at++) {
        int file = open(counters[at], O_RDONLY | O_CLOEXEC);
        if (file < 0)
            continue;
        if (read(file, own.counted, sizeof own.counted - 1) > 0)
            own.counter = counters[at];
        close(file);
        return;
    }
}

/* Start the command, with this mask of signals, as spawn.py does, where nothing is to be decided. 0: Python is to start it, and to
 * say what is wrong with it, if something is.
 *
 * Then it has the CPU first, of which there may be one alone: nothing that Python does at the start is urgent. */
pid_t plain_start(int count, char **words, const sigset_t *mask)
{
    if (!is_plain(count, words))
        return 0;
    posix_spawnattr_t attributes;
    pid_t pid;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, mask);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    default_signals_of_libc(&attributes);
    look_at_counter();
    if (posix_spawnp(&pid, words[2], NULL, &attributes, words + 2, environ) != 0)
        return 0;
    sched_yield();
    return pid;
}

/* --- the last loop ----------------------------------------------------------------------------------------------- */

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* Whether a signal is a by-product of our own doings: of a line for a stderr that nobody reads, above all. As system.is_own(). */
int plain_is_own(const siginfo_t *found)
{
    int signum = found->si_signo;
    return found->si_pid == getpid() && (signum == SIGPIPE || signum == SIGXFSZ || signum == SIGTSTP);
}

/* Forward signals to the command's group and reap, until nobody is left, or the command is gone and the patience too; the status to
 * leave with. `owed` is a signal that is still to be forwarded, or 0; `status` is the command's if it is known, or -1. As
 * last_resort.loop(), for when there is no memory for Python: at its start, when it wakes, or from now on. */
int plain_loop(pid_t command, int owed, int status)
{
    sigset_t all;
    int how, has_swept = 0;
    time_t leave_at = 0;
    sigfillset(&all);
    if (owed != 0)
        kill(-command, owed);
    for (;;) {
        pid_t pid;
        while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
            if (pid == command)
                status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
        if (pid < 0)
            return status < 0 ? UNKNOWN : status;
        if (status >= 0 && !has_swept) {
            has_swept = 1;
            leave_at = now() + PATIENCE;
            kill(getpid() == 1 ? -1 : -command, SIGTERM);
        }
        if (status >= 0 && now() >= leave_at)
            return status;
        struct timespec second = {.tv_sec = 1};
        siginfo_t found;
        int signum = rest_take(&found);
        if (signum == 0)
            signum = status < 0 ? sigwaitinfo(&all, &found) : sigtimedwait(&all, &found, &second);
        if (signum > 0 && signum != SIGCHLD && !plain_is_own(&found))
            kill(-command, signum);
    }
}
