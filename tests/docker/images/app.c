/* An application that finishes its work when it is told to stop, as tests/app.py, for images in which nothing else is.
 *
 * usage: app [STATUS [MILLISECONDS]]: after SIGTERM it works on for so long (default 400) and exits with STATUS (default 7).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say(const char *line)
{
    (void)!write(STDOUT_FILENO, line, strlen(line)); /* whether somebody reads it or not */
}

static void take(int signum)
{
    (void)signum;
}

int main(int count, char **words)
{
    int status = count > 1 ? atoi(words[1]) : 7;
    long milliseconds = count > 2 ? atol(words[2]) : 400;
    sigset_t term, before;
    struct sigaction action = {.sa_handler = take};
    struct timespec rest = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    sigaction(SIGTERM, &action, NULL);
    say("app ready\n");
    sigsuspend(&before);
    say("app got SIGTERM\n");
    nanosleep(&rest, NULL);
    say("app done\n");
    return status;
}
