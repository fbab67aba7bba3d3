/* The interpreter as it is found in the file: what a start needs to know of it, and how it becomes the own one of a process. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#include <signal.h>
#include <unistd.h>

#include "revive.h"

struct made made;

/* posix.environ, of which the first of several with one name counts, as when posix makes it. */
static int read_variables(void)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL)
            continue;
        PyObject *name = PyBytes_FromStringAndSize(*entry, equals - *entry), *value = PyBytes_FromString(equals + 1);
        PyObject *set = name == NULL || value == NULL ? NULL : PyDict_SetDefault(made.variables, name, value);
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (set == NULL)
            return -1;
    }
    return 0;
}

/* Tell the module signal which signals were ignored when we were started. */
static int read_dispositions(void)
{
    struct sigaction action;
    for (int signum = 1; signum < NSIG; signum++)
        if (sigaction(signum, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            PyObject *done = PyObject_CallFunction(made.set_signal, "ii", signum, (int)(intptr_t)SIG_IGN);
            if (done == NULL)
                return -1;
            Py_DECREF(done);
        }
    return 0;
}

/* Make the interpreter that is in the file this process's own. */
int revive(void)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    _Py_tss_tstate = state; /* thread-local, so it is not in the snapshot */
    if (PyThread_tss_create(&_PyRuntime.autoTSSkey) != 0 || PyThread_tss_set(&_PyRuntime.autoTSSkey, state) != 0)
        return -1;
    _PyRuntime.main_thread = state->thread_id = PyThread_get_thread_ident();
    state->native_thread_id = PyThread_get_thread_native_id();
    return read_variables() < 0 || read_dispositions() < 0 ? -1 : 0;
}
