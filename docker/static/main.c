/* pyinit as one self-contained file: CPython without its files, made already, with pyinit's modules imported.
 *
 * Signals are blocked before anything else: what is sent to PID 1 until then is dropped by the kernel, and what comes after is
 * kept (pid_namespaces(7)).
 *
 * The interpreter is made at build time, by this program itself (make.c); what it then has in memory is written into the file
 * (snapshot.c), and a start finds it there. See docs/static.md.
 */
#include <Python.h>
#include <signal.h>

#include "fail.h"
#include "make.h"
#include "plain.h"
#include "revive.h"
#include "sleep.h"

static int run(void)
{
    if (revive() == 0)
        PyObject_CallNoArgs(made.start); /* returns only by an exception: cli.main() leaves by itself */
    int status = fail_with_traceback();
    return own.command == 0 ? status : plain_loop(own.command, 0, -1);
}

int main(int count, char **words)
{
    if (made.start == NULL)
        return build(count, words);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &own.mask);
    own.count = count;
    own.words = words;
    own.command = plain_start(count, words, &own.mask);
    if (setjmp(sleep_bed) != 0 && sleep_until_needed() < 0) {
        fail("the interpreter cannot be had back");
        return plain_loop(own.command, 0, -1);
    }
    return run();
}
