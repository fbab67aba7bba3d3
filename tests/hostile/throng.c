/* Very many small processes. What happens to them is counted in a file: a byte for each.

   usage: throng NUMBER FILE [deaf] [sessions]

   Says "ready" when all are there. Each waits for SIGTERM, writes a byte to FILE and ends; so do we, after them, with status 7.
   deaf: all but us ignore it. sessions: each is in a session of its own, and we do not wait for them. In C, because fifty thousand
   interpreters take minutes to fork and gigabytes to keep. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void do_nothing(int signum)
{
    (void)signum;
}

static int has(int count, char **words, const char *word)
{
    for (int at = 3; at < count; at++)
        if (strcmp(words[at], word) == 0)
            return 1;
    return 0;
}

static void be_one(int told, int deaf, int sessions, const sigset_t *stop)
{
    int signum;
    if (sessions)
        setsid();
    if (deaf) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    sigwait(stop, &signum);
    _exit(write(told, ".", 1) != 1);
}

int main(int count, char **words)
{
    if (count < 3)
        return 2;
    long number = atol(words[1]);
    int deaf = has(count, words, "deaf"), sessions = has(count, words, "sessions"), signum;
    int told = open(words[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL); /* so all are ready when the last is forked */
    signal(SIGTERM, do_nothing);         /* visible to those who look for a handler */
    for (long at = 0; at < number; at++) {
        pid_t pid = fork();
        if (pid == 0)
            be_one(told, deaf, sessions, &stop);
        if (pid < 0)
            return 3;
    }
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 4;
    sigwait(&stop, &signum);
    if (write(STDOUT_FILENO, "got SIGTERM\n", 12) != 12)
        return 4;
    if (!deaf && !sessions)
        while (wait(NULL) > 0)
            ;
    return 7;
}
