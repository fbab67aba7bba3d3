/* A command that asks PID 1 for SIGUSR1 again and again, to count what PID 1 does for each: asker WORKERS SIGNALS. It has so many
 * workers, which handle nothing, sends so many, each when the one before has come back, and exits with 0. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signum)
{
    (void)signum;
}

int main(int count, char **words)
{
    int workers = count > 1 ? atoi(words[1]) : 0, signals = count > 2 ? atoi(words[2]) : 0, ready[2], signum;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return 1;
    for (int left = workers; left > 0; left--)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)!write(ready[1], "", 1);
            for (;;)
                pause();
        }
    for (int left = workers; left > 0; left--)
        (void)!read(ready[0], &(char){0}, 1);
    struct sigaction action = {.sa_handler = on_signal}; /* seen in SigCgt, also while it waits by sigwait() */
    sigset_t asked;
    sigemptyset(&asked);
    sigaddset(&asked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (; signals > 0; signals--)
        if (kill(1, SIGUSR1) < 0 || sigwait(&asked, &signum) != 0)
            return 1;
    return 0;
}
