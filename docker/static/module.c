/* What Python cannot ask for by itself: the module `_pyinit`, for pyinit/kernel/system.py, pyinit/kernel/libc.py and start.py.
 *
 * A function in here takes its arguments apart, has plain.c, rest.c, sleep.c or the kernel do something, and puts the answer together.
 */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <errno.h>
#include <internal/pycore_import.h>
#include <internal/pycore_runtime.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "plain.h"
#include "rest.h"
#include "sleep.h"

static PyObject *given_mask(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyObject *found = PyList_New(0);
    for (int signum = 1; found != NULL && signum < NSIG; signum++) {
        if (sigismember(&own.mask, signum) != 1)
            continue;
        PyObject *number = PyLong_FromLong(signum);
        if (number == NULL || PyList_Append(found, number) < 0)
            Py_CLEAR(found);
        Py_XDECREF(number);
    }
    return found;
}

static PyObject *arguments(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyObject *found = PyList_New(own.count);
    for (int at = 0; found != NULL && at < own.count; at++) {
        char *word = own.words[at];
        PyObject *text = PyUnicode_DecodeUTF8(word, (Py_ssize_t)strlen(word), "surrogateescape");
        if (text == NULL)
            Py_CLEAR(found);
        else
            PyList_SET_ITEM(found, at, text);
    }
    return found;
}

static PyObject *call_prctl(PyObject *Py_UNUSED(self), PyObject *given)
{
    int option;
    unsigned long second, third, fourth, fifth;
    if (!PyArg_ParseTuple(given, "ikkkk:prctl", &option, &second, &third, &fourth, &fifth))
        return NULL;
    int result = prctl(option, second, third, fourth, fifth);
    return result < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(result);
}

static PyObject *call_signalfd(PyObject *Py_UNUSED(self), PyObject *given)
{
    int descriptor, flags;
    const char *mask;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(given, "iy#i:signalfd", &descriptor, &mask, &size, &flags))
        return NULL;
    sigset_t watched;
    if (size != sizeof watched) {
        errno = EINVAL;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    memcpy(&watched, mask, sizeof watched);
    int result = signalfd(descriptor, &watched, flags);
    return result < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(result);
}

/* environment(beginning): the entries of the environment that begin so, as bytes, whatever is in them; posix.environ has those alone
 * that look like variables. */
static PyObject *environment(PyObject *Py_UNUSED(self), PyObject *beginning)
{
    const char *with = PyBytes_AsString(beginning);
    if (with == NULL)
        return NULL;
    PyObject *found = PyList_New(0);
    for (char **entry = environ; found != NULL && entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, with, strlen(with)) != 0)
            continue;
        PyObject *text = PyBytes_FromString(*entry);
        if (text == NULL || PyList_Append(found, text) < 0)
            Py_CLEAR(found);
        Py_XDECREF(text);
    }
    return found;
}

/* A list of bytes in the form of execve(2), to be freed; the strings stay those of the list. NULL with an exception set. */
static char **strings_of(PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    char **strings = PyMem_New(char *, (size_t)count + 1);
    if (strings == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        strings[at] = PyBytes_AsString(PyList_GET_ITEM(list, at));
        if (strings[at] == NULL) {
            PyMem_Free(strings);
            return NULL;
        }
    }
    strings[count] = NULL;
    return strings;
}

static PyObject *call_execve(PyObject *Py_UNUSED(self), PyObject *given)
{
    const char *path;
    PyObject *words, *entries;
    if (!PyArg_ParseTuple(given, "yO!O!:execve", &path, &PyList_Type, &words, &PyList_Type, &entries))
        return NULL;
    char **arguments = strings_of(words), **variables = arguments == NULL ? NULL : strings_of(entries);
    if (variables != NULL) {
        execve(path, arguments, variables);
        PyErr_SetFromErrno(PyExc_OSError);
    }
    PyMem_Free(arguments);
    PyMem_Free(variables);
    return NULL;
}

static PyObject *started(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return PyLong_FromLong(own.command);
}

static PyObject *counted(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return Py_BuildValue("yy", own.counter == NULL ? "" : own.counter, own.counted);
}

/* go_on(command, owed, status): plain_loop(). Nothing in here asks for memory, and neither does the call. */
static PyObject *go_on(PyObject *Py_UNUSED(self), PyObject *const *given, Py_ssize_t count)
{
    int numbers[3] = {0};
    for (Py_ssize_t at = 0; at < 3 && at < count; at++)
        numbers[at] = (int)PyLong_AsLong(given[at]);
    if (PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(plain_loop(numbers[0], numbers[1], numbers[2]));
}

static PyObject *modules(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyObject *found = PyList_New(0);
    for (const struct _frozen *each = _PyImport_FrozenBootstrap; found != NULL && each->name != NULL; each++) {
        PyObject *name = PyUnicode_FromString(each->name);
        if (name == NULL || PyList_Append(found, name) < 0)
            Py_CLEAR(found);
        Py_XDECREF(name);
    }
    return found;
}

/* --- PID 1 at rest, see rest.c; Python's side is pyinit/kernel/rest.py ------------------------------------------ */

#define LONGEST_REST 1e9 /* seconds */

static PyObject *call_rest(PyObject *Py_UNUSED(self), PyObject *seconds)
{
    struct timespec until;
    siginfo_t found;
    if (seconds != Py_None) {
        double left = PyFloat_AsDouble(seconds);
        if (left == -1.0 && PyErr_Occurred())
            return NULL;
        until = rest_moment(left < 0 ? 0 : left > LONGEST_REST ? LONGEST_REST : left);
    }
    int signum = rest(seconds == Py_None ? NULL : &until, &found);
    if (signum < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (signum == 0)
        Py_RETURN_NONE;
    PyObject *told = Py_BuildValue("iiii", signum, (int)found.si_pid, (int)found.si_uid, (int)found.si_code);
    if (told == NULL)
        rest_keep(&found);
    return told;
}

/* sleep(command, page, place, orphans, kept): as rest(None), but Python comes to an end, and begins anew when it is needed. */
static PyObject *call_sleep(PyObject *self, PyObject *given)
{
    int command, page;
    long place;
    unsigned long orphans;
    const char *kept;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(given, "iilky#:sleep", &command, &page, &place, &orphans, &kept, &size))
        return NULL;
    if (size > SLEEP_LONGEST || !sleep_may())
        return call_rest(self, Py_None);
    asleep.command = command;
    asleep.page = page;
    asleep.place = place;
    asleep.before = orphans;
    asleep.size = (size_t)size;
    memcpy(asleep.kept, kept, (size_t)size);
    PyThread_tss_delete(&_PyRuntime.autoTSSkey);
    longjmp(sleep_bed, 1);
}

/* What was kept when Python fell asleep, and how many orphans were reaped since; nothing at a start. */
static PyObject *kept(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return Py_BuildValue("y#k", asleep.kept, (Py_ssize_t)asleep.size, asleep.orphans);
}

/* rest_look(signum, stops, [(kind, path), ...]): begin an entry; what there is, as bytes. None: there can be no entry. */
static PyObject *call_rest_look(PyObject *Py_UNUSED(self), PyObject *given)
{
    int signum;
    unsigned long long stops;
    PyObject *questions;
    if (!PyArg_ParseTuple(given, "iKO!:rest_look", &signum, &stops, &PyList_Type, &questions))
        return NULL;
    if (!rest_begin(signum, stops))
        Py_RETURN_NONE;
    PyObject *answers = PyList_New(0);
    for (Py_ssize_t at = 0; answers != NULL && at < PyList_GET_SIZE(questions); at++) {
        int kind;
        const char *path;
        size_t size;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(questions, at), "is:rest_look", &kind, &path)) {
            Py_CLEAR(answers);
            break;
        }
        const char *found = rest_ask(signum, kind, path, &size);
        if (found == NULL) {
            Py_DECREF(answers);
            Py_RETURN_NONE;
        }
        PyObject *answer = PyBytes_FromStringAndSize(found, (Py_ssize_t)size);
        if (answer == NULL || PyList_Append(answers, answer) < 0)
            Py_CLEAR(answers);
        Py_XDECREF(answer);
    }
    return answers;
}

/* rest_answer(signum, [(pid, signum), ...]): complete the entry. */
static PyObject *call_rest_answer(PyObject *Py_UNUSED(self), PyObject *given)
{
    int signum, pid, by;
    PyObject *told;
    if (!PyArg_ParseTuple(given, "iO!:rest_answer", &signum, &PyList_Type, &told))
        return NULL;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(told); at++) {
        if (!PyArg_ParseTuple(PyList_GET_ITEM(told, at), "ii:rest_answer", &pid, &by))
            return NULL;
        if (!rest_tell(signum, pid, by))
            Py_RETURN_NONE;
    }
    rest_settle(signum);
    Py_RETURN_NONE;
}

static PyObject *call_rest_forget(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    rest_forget();
    Py_RETURN_NONE;
}

/* --- the module --------------------------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"given_mask", given_mask, METH_NOARGS, "The signals that were blocked when we were started."},
    {"arguments", arguments, METH_NOARGS, "argv, decoded as os.fsdecode() does where UTF-8 is the encoding."},
    {"environment", environment, METH_O, "The environment's entries that begin so, byte for byte."},
    {"execve", call_execve, METH_VARARGS, "execve(2), words and entries as lists of bytes. Raises OSError."},
    {"started", started, METH_NOARGS, "The PID of the command where it has been started already; else 0."},
    {"counted", counted, METH_NOARGS, "Where OOM kills are counted, and what stood there before C started the command."},
    {"modules", modules, METH_NOARGS, "The names of our modules, while they are to be imported."},
    {"go_on", _PyCFunction_CAST(go_on), METH_FASTCALL, "The last loop, in C, until all is over: (command, signal owed or 0, status or -1); the status."},
    {"rest", call_rest, METH_O, "The next signal that is Python's: (signum, pid, uid, code); None after so many seconds. Raises OSError."},
    {"sleep", call_sleep, METH_VARARGS, "As rest(), but Python may come to an end meanwhile, and begin anew: see sleep.c."},
    {"kept", kept, METH_NOARGS, "What was given to sleep(), and how many orphans were reaped since."},
    {"rest_look", call_rest_look, METH_VARARGS, "Begin an entry of the table; what there is to be seen, or None."},
    {"rest_answer", call_rest_answer, METH_VARARGS, "Complete it: those who are told, and by what."},
    {"rest_forget", call_rest_forget, METH_NOARGS, "Empty the table."},
    {"prctl", call_prctl, METH_VARARGS, "prctl(2). Raises OSError."},
    {"signalfd", call_signalfd, METH_VARARGS, "signalfd(2), the mask as bytes. Raises OSError."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_pyinit", .m_methods = functions};

PyMODINIT_FUNC PyInit__pyinit(void)
{
    return PyModuleDef_Init(&module);
}
