/* A command that is very many processes, quickly made, for a benchmark of the PID 1 above it.

   usage: throng SHAPE NUMBER

   SHAPE      the command itself                          the NUMBER of others
   handlers   ignores USR1, dies of TERM, ends last       its children, in its group; all handle both, and exit at TERM
   mortals    handles neither                             its children, in its group; the same
   one        ignores USR1, dies of TERM, ends last       its children, in its group; ignore USR1, one handles both, the rest die
   chain      ignores USR1, dies of TERM, ends last       each the child of the one before and the same; the last handles both
   outside    handles both, and exits at TERM             its children, each in a session of its own; handle neither
   daemons    handles both, and exits at TERM             children of PID 1, each in a session of its own; handle neither
   beside     ignores USR1, dies of TERM, ends last       children of PID 1, in sessions of their own; ignore USR1. One child in
                                                          the group handles both
   last       dies of TERM, ends last                     children of PID 1, in its group; exit after TERM, one each 500 us
   first      exits at TERM                               the same
   stubborn   ignores USR1, goes on at TERM               its children, in its group; go on at TERM

   To stdout, 8 bytes each: a zero when all are ready; then, in nanoseconds of the monotonic clock, when the last of those who
   handle a signal had it, for each USR1 (an even number) and for TERM (an odd one). */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PACE = 500000, SHARED = 9 };

static struct { atomic_int ready, counts[2], gone; } *shared;
static int expected = 1, is_paced, goes_on, own;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void put(int64_t stamp) {
  if (write(1, &stamp, sizeof stamp) != sizeof stamp) _exit(99);
}

static void on_signal(int number) {
  atomic_int *count = &shared->counts[number == SIGTERM];
  int64_t stamp = now();
  if (atomic_fetch_add(count, 1) + 1 == expected) {
    atomic_store(count, 0);
    put((stamp & ~1LL) | (number == SIGTERM));
  }
  if (number == SIGTERM && is_paced) {
    struct timespec end = {(stamp + (int64_t)own * PACE) / 1000000000LL, (stamp + (int64_t)own * PACE) % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL)) {}
    atomic_fetch_add(&shared->gone, 1);
  }
  if (number == SIGTERM && !goes_on) _exit(0);
}

static void both(void (*action)(int)) {
  struct sigaction how = {.sa_handler = action, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &how, NULL);
  sigaction(SIGTERM, &how, NULL);
}

static void stay(void) {
  atomic_fetch_add(&shared->ready, 1);
  for (;;) pause();
}

static pid_t born(void) {
  pid_t pid;
  while ((pid = fork()) < 0) usleep(1000);
  return pid;
}

static void wait_for(atomic_int *count, int least) {
  while (atomic_load(count) < least) usleep(1000);
}

static void wait_for_all(void) {
  while (wait(NULL) > 0) {}
}

/* Of a chain each is executed anew: what is forked from what was forked, a thousand times, costs the kernel a thousand times as
   much (anon_vma_fork() in mm/rmap.c). */
static void link_below(char *program, int number) {
  char left[16];
  if (born()) return;
  sprintf(left, "%d", number);
  execl("/proc/self/exe", program, "link", left, NULL);
  _exit(94);
}

int main(int words, char **word) {
  if (words != 3) return 96;
  const char *shape = word[1];
  int number = atoi(word[2]);
#define IS(name) (!strcmp(shape, #name))
  if (!IS(link)) { /* what the links of a chain inherit */
    int memory = memfd_create("throng", 0);
    if (memory < 0 || ftruncate(memory, sizeof *shared) || dup2(memory, SHARED) < 0) return 93;
    if (memory != SHARED) close(memory);
  }
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED, 0);
  if (shared == MAP_FAILED) return 95;
  if (IS(link)) {
    if (number == 0) {
      both(on_signal);
      stay();
    }
    atomic_fetch_add(&shared->ready, 1);
    link_below(word[0], number - 1);
    wait_for_all();
    return 0;
  }
  int are_daemons = IS(daemons) || IS(beside) || IS(last) || IS(first), has_session = IS(outside) || IS(daemons) || IS(beside);
  int handle = IS(handlers) || IS(last) || IS(first) || IS(stubborn), is_quiet = IS(handlers) || IS(one) || IS(chain) || IS(beside);
  is_paced = IS(last) || IS(first);
  goes_on = IS(stubborn);
  expected = handle ? number : IS(mortals) ? 0 : 1;
  if (is_quiet || goes_on) signal(SIGUSR1, SIG_IGN);
  if (IS(chain)) {
    link_below(word[0], number - 1);
  } else {
    for (own = 1; own <= number; own++) {
      if (are_daemons) {
        pid_t between = born();
        if (between) {
          waitpid(between, NULL, 0);
          continue;
        }
        if (born()) _exit(0);
      } else if (born()) {
        continue;
      }
      if (has_session) setsid();
      if (handle || (IS(one) && own == number)) both(on_signal);
      stay();
    }
    if (IS(beside) && !born()) {
      own = 0;
      both(on_signal);
      stay();
    }
  }
  own = 0;
  if (IS(outside) || IS(daemons)) both(on_signal);
  if (goes_on) signal(SIGTERM, on_signal);
  wait_for(&shared->ready, number + IS(beside));
  if (goes_on) expected = number + 1;
  if (IS(first)) { /* it is none of those who are counted */
    sigset_t term;
    int taken;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGTERM, on_signal);
    put(0);
    sigwait(&term, &taken);
    return 0;
  }
  put(0);
  if (IS(last)) {
    wait_for(&shared->gone, number);
    return 0;
  }
  if (IS(handlers) || IS(one) || IS(chain) || IS(mortals)) {
    wait_for_all();
    return 0;
  }
  for (;;) pause();
}
