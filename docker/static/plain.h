/* What main.c and plain.c have in common. */
#include <signal.h>
#include <sys/types.h>

pid_t plain_start(int count, char **words, const sigset_t *mask);
int plain_loop(pid_t command);
