/* The floor: the least that an init in C can do. It blocks all signals, starts the command, and waits for it.
 *
 * usage: floor -- COMMAND [ARGUMENT ...]
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
    sigset_t all, given;
    posix_spawnattr_t attributes;
    pid_t command;
    int status, signum;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &given);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &given);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (count < 3 || posix_spawnp(&command, words[2], NULL, &attributes, words + 2, environ) != 0)
        return 127;
    for (;;) {
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == command)
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (sigwait(&all, &signum) == 0 && signum != SIGCHLD)
            kill(command, signum);
    }
}
