/* What is said where Python cannot say it: it could not be made or had, or has failed. */
#include <Python.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "plain.h"

#define OUR_FAULT 125 /* as in pyinit/cli.py */

/* One line on stderr, where there may be no Python to write it; our exit status. */
int fail(const char *what)
{
    const char *parts[] = {"pyinit: error: ", own.command == 0 ? "cannot start: " : "", what,
                           own.command == 0 ? "\n" : "; it goes on with less care\n"};
    char line[200] = "";
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++)
        strncat(line, parts[at], sizeof line - strlen(line) - 1);
    (void)!write(STDERR_FILENO, line, strlen(line));
    return OUR_FAULT;
}

int fail_with_traceback(void)
{
    if (PyErr_Occurred() == NULL || PyErr_ExceptionMatches(PyExc_MemoryError))
        return fail("the kernel gives no memory");
    if (own.command != 0)
        return fail("a fault in the interpreter"); /* there is no sys.stderr, and what is printed without is many lines */
    PyErr_Print();
    return OUR_FAULT;
}
