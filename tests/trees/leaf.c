/* The programs at the leaves of a process tree, and those that pass a signal on. What happens to each is a line of the file
   that the variable TREE_LOG names, one write(2) each: "NAME ready", "NAME got TERM", "NAME done".

   leaf app NAME STATUS MS WAY SECOND EXTRA...  at the first TERM or INT works for MS milliseconds and exits with STATUS.
     WAY: handler, sigwait, signalfd; word (no handler: finishes on USR2); none (no handler: dies)
     SECOND: told (a second one is told and changes nothing), dies (a second one kills: the first has reset the handler)
     EXTRA: spawns (starts short children in a loop until it is told), stopped, parent-stopped (stops itself, its parent)
   leaf master NAME STATUS MS WORKERS  tells its workers by USR2 to finish. A worker that gets TERM or INT drops its work.
   leaf forward NAME COMMAND...        passes TERM and INT on to its child and exits with its status.
   leaf reader NAME STATUS             reads stdin to its end. TERM makes it go at once.
   leaf job NAME MS                    has no handler and ends by itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int log_fd, wake[2], resets, passes_on_to, is_worker;
static char name[64];

static const struct { int number; const char *name; } SIGNALS[] = {
    {SIGTERM, "TERM"}, {SIGINT, "INT"}, {SIGHUP, "HUP"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};

static void say(const char *event) { /* safe in a handler: no stdio */
  char line[128], *end = stpcpy(stpcpy(stpcpy(line, name), " "), event);
  *end++ = '\n';
  if (write(log_fd, line, end - line) < 0) _exit(99);
}

static void say_got(int number) {
  char event[16] = "got ";
  for (unsigned i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++)
    if (SIGNALS[i].number == number) say(strcat(event, SIGNALS[i].name));
}

static int is_stop(int number) { return number == SIGTERM || number == SIGINT || number == SIGUSR2; }

static void on_signal(int number) {
  int saved = errno;
  char byte = number;
  say_got(number);
  if (is_worker && number != SIGUSR2) _exit(1);
  if (passes_on_to > 0 && is_stop(number)) kill(passes_on_to, number);
  if (resets && is_stop(number)) signal(number, SIG_DFL);
  if (wake[1] && write(wake[1], &byte, 1) < 0) _exit(99);
  errno = saved;
}

static void catch(int number) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(number, &action, NULL);
}

/* Signals by a handler and a pipe, by sigtimedwait(), or by a signalfd. */
enum way { HANDLER, SIGWAIT, SIGNALFD };
static enum way way;
static sigset_t handled;
static int source;

static void take_signals(enum way chosen, const int *numbers) {
  way = chosen;
  sigemptyset(&handled);
  for (; *numbers; numbers++) {
    sigaddset(&handled, *numbers);
    if (way == HANDLER) catch(*numbers);
  }
  if (way != HANDLER) sigprocmask(SIG_BLOCK, &handled, NULL);
  source = way == SIGNALFD ? signalfd(-1, &handled, SFD_CLOEXEC) : wake[0];
}

static int take(int milliseconds) { /* the next signal, or 0 after so long; -1 waits for ever */
  int number = 0;
  if (way == SIGWAIT) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    number = milliseconds < 0 ? sigwaitinfo(&handled, NULL) : sigtimedwait(&handled, NULL, &limit);
  } else {
    struct pollfd one = {source, POLLIN, 0};
    struct signalfd_siginfo info;
    char byte;
    if (poll(&one, 1, milliseconds) <= 0) return 0;
    if (way == HANDLER) return read(source, &byte, 1) == 1 ? byte : 0;
    if (read(source, &info, sizeof info) == sizeof info) number = info.ssi_signo;
  }
  if (number <= 0) return 0;
  say_got(number);
  if (resets && is_stop(number)) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigdelset(&handled, number);
    if (way == SIGNALFD) signalfd(source, &handled, SFD_CLOEXEC);
  }
  return number;
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void work(int milliseconds) { /* its output shows who reads it: without a reader, SIGPIPE ends us here */
  long end = now() + milliseconds;
  for (long left; (left = end - now()) > 0;) {
    if (write(1, "working\n", 8) < 0) _exit(98);
    take(left < 20 ? left : 20);
  }
  if (write(1, "finished\n", 9) < 0) _exit(98);
  say("done");
}

static int status_of(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) _exit(97);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int has(char **words, const char *word) {
  for (; *words; words++)
    if (!strcmp(*words, word)) return 1;
  return 0;
}

static int app(char **words) { /* STATUS MS WAY SECOND EXTRA... */
  static const int ALL[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, 0}, BY_WORD[] = {SIGUSR2, 0};
  int status = atoi(words[0]), milliseconds = atoi(words[1]), spawns = has(words + 4, "spawns");
  if (!strcmp(words[2], "none")) {
    say("ready");
    for (;;) pause();
  }
  resets = !strcmp(words[3], "dies");
  if (!strcmp(words[2], "word")) take_signals(HANDLER, BY_WORD);
  else take_signals(!strcmp(words[2], "sigwait") ? SIGWAIT : !strcmp(words[2], "signalfd") ? SIGNALFD : HANDLER, ALL);
  say("ready");
  if (has(words + 4, "stopped")) raise(SIGSTOP);
  if (has(words + 4, "parent-stopped")) kill(getppid(), SIGSTOP);
  while (!is_stop(take(spawns ? 3 : -1)))
    if (spawns) {
      pid_t child;
      char *const nothing[] = {"true", NULL};
      if (!posix_spawn(&child, "/bin/true", NULL, NULL, nothing, environ)) status_of(child);
    }
  work(milliseconds);
  return status;
}

static int master(char **words) { /* STATUS MS WORKERS */
  static const int ALL[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, 0}, OF_WORKERS[] = {SIGTERM, SIGINT, SIGUSR2, 0};
  int count = atoi(words[2]), own = strlen(name);
  pid_t workers[8];
  for (int i = 0; i < count; i++)
    if (!(workers[i] = fork())) {
      sprintf(name + own, ".w%d", i);
      is_worker = 1;
      if (pipe2(wake, O_CLOEXEC)) return 95; /* not its parent's */
      take_signals(HANDLER, OF_WORKERS);
      say("ready");
      while (take(-1) != SIGUSR2);
      work(atoi(words[1]));
      return 0;
    }
  take_signals(HANDLER, ALL);
  say("ready");
  while (!is_stop(take(-1)));
  for (int i = 0; i < count; i++) kill(workers[i], SIGUSR2);
  for (int i = 0; i < count; i++) status_of(workers[i]);
  say("done");
  return atoi(words[0]);
}

static int forward(char **command) {
  static const int ALL[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, 0};
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  pid_t child = fork();
  if (!child) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    execvp(*command, command);
    _exit(127);
  }
  passes_on_to = child;
  for (const int *number = ALL; *number; number++) catch(*number);
  sigprocmask(SIG_SETMASK, &before, NULL);
  say("ready");
  int status = status_of(child);
  say("done");
  return status;
}

static int reader(char **words) { /* STATUS */
  static const int TERM[] = {SIGTERM, 0};
  char buffer[4096];
  take_signals(HANDLER, TERM);
  say("ready");
  struct pollfd both[2] = {{0, POLLIN, 0}, {wake[0], POLLIN, 0}};
  for (;;) {
    if (poll(both, 2, -1) < 0) continue;
    if (both[1].revents) break;
    if (both[0].revents && read(0, buffer, sizeof buffer) <= 0) break;
  }
  say("done");
  return atoi(words[0]);
}

int main(int count, char **words) {
  if (count < 4) return 96;
  log_fd = open(getenv("TREE_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  strcpy(name, words[2]);
  if (pipe2(wake, O_CLOEXEC)) return 95;
  if (!strcmp(words[1], "app")) return app(words + 3);
  if (!strcmp(words[1], "master")) return master(words + 3);
  if (!strcmp(words[1], "forward")) return forward(words + 3);
  if (!strcmp(words[1], "reader")) return reader(words + 3);
  usleep(atoi(words[3]) * 1000);
  say("job");
  return 0;
}
