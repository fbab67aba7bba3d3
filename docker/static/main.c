/* pyinit as one self-contained file: CPython without its files, made already, with pyinit's modules imported.
 *
 * Signals are blocked before anything else: what is sent to PID 1 until then is dropped by the kernel, and what comes after is
 * kept (pid_namespaces(7)).
 *
 * The interpreter is made at build time, by this program itself; what it then has in memory is written into the file (snapshot.c),
 * and a start finds it there. See docs/static.md.
 *
 * Of CPython only the "core" phase is initialised (PyConfig._init_main = 0, "Multi-Phase Initialization Private Provisional API"
 * in its documentation), and not even importlib: no search path, no file system, no site, no codecs, no stdio. Half of the
 * memory lies there. What imports instead is start.py.
 */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <internal/pycore_codecs.h>
#include <internal/pycore_import.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <marshal.h>

#include "immortal.h"
#include "plain.h"
#include "rest.h"
#include "sleep.h"
#include "snapshot.h"

#define OUR_FAULT 125 /* as in pyinit/cli.py */
#define ASIDE 0.02 /* seconds */
#define REHEARSALS 12 /* of each life; CPython keeps count of the instances of a class, to the thirtieth */

/* --- what Python cannot ask for: the module `_pyinit` ----------------------------------------------------------- */

#define MOST_MODULES 300
/* While the interpreter is made: read_modules(). Then it is a page of zeros, for sleep.c. */
_Alignas(4096) static struct _frozen our_modules[MOST_MODULES];
char *const snapshot_canary = (char *)our_modules;
_Static_assert(sizeof our_modules >= 4096, "the canary is a page");

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

/* --- PID 1 at rest, see rest.c; Python's side is pyinit/kernel/rest.py ------------------------------------------ */

#define LONGEST_REST 1e9 /* seconds */

/* The moment in so many seconds, of the monotonic clock. */
static struct timespec moment_in(double seconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += (time_t)seconds;
    moment.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_nsec -= 1000000000;
        moment.tv_sec++;
    }
    return moment;
}

static PyObject *call_rest(PyObject *Py_UNUSED(self), PyObject *seconds)
{
    struct timespec until;
    siginfo_t found;
    if (seconds != Py_None) {
        double left = PyFloat_AsDouble(seconds);
        if (left == -1.0 && PyErr_Occurred())
            return NULL;
        until = moment_in(left < 0 ? 0 : left > LONGEST_REST ? LONGEST_REST : left);
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

static PyObject *modules(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyObject *found = PyList_New(0);
    for (const struct _frozen *each = our_modules; found != NULL && each->name != NULL; each++) {
        PyObject *name = PyUnicode_FromString(each->name);
        if (name == NULL || PyList_Append(found, name) < 0)
            Py_CLEAR(found);
        Py_XDECREF(name);
    }
    return found;
}

static PyMethodDef functions[] = {
    {"given_mask", given_mask, METH_NOARGS, "The signals that were blocked when we were started."},
    {"arguments", arguments, METH_NOARGS, "argv, decoded as os.fsdecode() does where UTF-8 is the encoding."},
    {"environment", environment, METH_O, "The environment's entries that begin so, byte for byte."},
    {"execve", call_execve, METH_VARARGS, "execve(2), words and entries as lists of bytes. Raises OSError."},
    {"started", started, METH_NOARGS, "The PID of the command where it has been started already; else 0."},
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

static PyObject *make_module(void)
{
    return PyModuleDef_Init(&module);
}

/* --- what there is to import, in place of CPython's own tables -------------------------------------------------- */

PyMODINIT_FUNC PyInit__imp(void);
PyMODINIT_FUNC PyInit__signal(void);
PyMODINIT_FUNC PyInit__socket(void);
PyMODINIT_FUNC PyInit_errno(void);
PyMODINIT_FUNC PyInit_fcntl(void);
PyMODINIT_FUNC PyInit_gc(void);
PyMODINIT_FUNC PyInit_posix(void);
PyMODINIT_FUNC PyInit_select(void);
PyMODINIT_FUNC PyInit_time(void);

extern struct _inittab _PyImport_Inittab[];
struct _inittab _PyImport_Inittab[] = {
    {"builtins", NULL}, /* these two are made by the core */
    {"sys", NULL},
    {"_imp", PyInit__imp},
    {"_pyinit", make_module},
    {"_signal", PyInit__signal},
    {"_socket", PyInit__socket},
    {"errno", PyInit_errno},
    {"fcntl", PyInit_fcntl},
    {"gc", PyInit_gc},
    {"posix", PyInit_posix},
    {"select", PyInit_select},
    {"time", PyInit_time},
    {NULL, NULL},
};

static const struct _frozen no_modules[] = {{.name = NULL}};
static const struct _module_alias no_aliases[] = {{NULL, NULL}};

/* Defined here, these keep the linker from taking the standard library out of libpython.a: frozen.o, config.o. */
extern const struct _frozen *_PyImport_FrozenBootstrap, *_PyImport_FrozenStdlib, *_PyImport_FrozenTest;
const struct _frozen *_PyImport_FrozenBootstrap = our_modules, *_PyImport_FrozenStdlib = no_modules,
                     *_PyImport_FrozenTest = no_modules, *PyImport_FrozenModules = no_modules;
const struct _module_alias *_PyImport_FrozenAliases = no_aliases;

/* --- making the interpreter, at build time ---------------------------------------------------------------------- */

int _PySignal_Init(int install_handlers); /* a part of the "main" phase, without which there is no module _signal */

static PyObject *start, *variables, *set_signal; /* start.start(), posix.environ, signal.signal(); NULL: not made yet */

/* One line on stderr, where there may be no Python to write it; our exit status. */
static int fail(const char *what)
{
    const char *parts[] = {"pyinit: error: ", own.command == 0 ? "cannot start: " : "", what,
                           own.command == 0 ? "\n" : "; it goes on with less care\n"};
    char line[200] = "";
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++)
        strncat(line, parts[at], sizeof line - strlen(line) - 1);
    (void)!write(STDERR_FILENO, line, strlen(line));
    return OUR_FAULT;
}

static int fail_with_traceback(void)
{
    if (PyErr_Occurred() == NULL || PyErr_ExceptionMatches(PyExc_MemoryError))
        return fail("the kernel gives no memory");
    if (own.command != 0)
        return fail("a fault in the interpreter"); /* there is no sys.stderr, and what is printed without is many lines */
    PyErr_Print();
    return OUR_FAULT;
}

/* Our modules, as freeze.py has written them: name, size and whether it is a package in a line, then the code. They stay mapped,
 * beside the heap, until this process ends. */
static int read_modules(const char *path)
{
    struct stat found;
    int file = open(path, O_RDONLY | O_CLOEXEC), taken;
    if (file < 0 || fstat(file, &found) < 0)
        return -1;
    char *at = mmap(NULL, (size_t)found.st_size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0), *end = at + found.st_size;
    if (at == MAP_FAILED)
        return -1;
    for (size_t count = 0; at < end && count < MOST_MODULES - 1; count++) {
        struct _frozen *each = &our_modules[count];
        each->name = at;
        at = strchr(at, ' ');
        if (at == NULL)
            return -1;
        *at++ = '\0';
        if (sscanf(at, "%d %d%n", &each->size, &each->is_package, &taken) != 2 || at[taken] != '\n')
            return -1;
        at += taken + 1;
        each->code = (unsigned char *)at;
        at += each->size;
    }
    return at == end ? 0 : -1;
}

/* The last one is none of ours, but rehearse.py. */
static struct _frozen take_last_module(void)
{
    size_t last = 0;
    while (our_modules[last + 1].name != NULL)
        last++;
    struct _frozen taken = our_modules[last];
    our_modules[last] = (struct _frozen){.name = NULL};
    return taken;
}

/* _imp, by which start.py makes all other modules, must be made by hand. */
static int make_imp(void)
{
    int result = -1;
    PyObject *spec = PyModule_New("_imp"), *made = NULL;
    PyObject *name = PyUnicode_FromString("_imp");
    PyModuleDef *definition = (PyModuleDef *)PyInit__imp();
    if (spec != NULL && name != NULL && definition != NULL && PyObject_SetAttrString(spec, "name", name) == 0)
        made = PyModule_FromDefAndSpec(definition, spec);
    if (made != NULL && PyModule_ExecDef(made, definition) == 0)
        result = PyDict_SetItemString(PyImport_GetModuleDict(), "_imp", made);
    Py_XDECREF(spec);
    Py_XDECREF(name);
    Py_XDECREF(made);
    return result;
}

static PyObject *held(const char *module, const char *name)
{
    PyObject *found = PyDict_GetItemString(PyImport_GetModuleDict(), module);
    return found == NULL ? NULL : PyObject_GetAttrString(found, name);
}

/* What a start has, in a rehearsal. The time zone is for the module time, which keeps what it finds: not that of the machine here. */
static void set_the_stage(void)
{
    static char *words[] = {"pyinit", "--", "true", NULL}, *entries[] = {"PATH=/usr/bin", "TZ=UTC0", NULL};
    own.count = 3;
    own.words = words;
    environ = entries;
}

/* rehearse(start, until, end) of rehearse.py; without an end it comes back. */
static int rehearse(const struct _frozen *code, const char *until, PyObject *ending)
{
    PyObject *read = PyMarshal_ReadObjectFromString((const char *)code->code, code->size);
    PyObject *names = Py_BuildValue("{sOss}", "__builtins__", PyEval_GetBuiltins(), "__name__", code->name);
    PyObject *evaluated = read == NULL || names == NULL ? NULL : PyEval_EvalCode(read, names, names);
    PyObject *function = evaluated == NULL ? NULL : PyDict_GetItemString(names, "rehearse"), *done = NULL;
    for (int left = ending == NULL ? REHEARSALS : 1; function != NULL && left > 0; left--) {
        done = PyObject_CallFunction(function, ending == NULL ? "Os" : "OsO", start, until, ending);
        if (done == NULL)
            break;
        Py_DECREF(done);
    }
    Py_XDECREF(evaluated);
    Py_XDECREF(names);
    Py_XDECREF(read);
    return done == NULL ? -1 : 0;
}

/* Take away what is left of the rehearsals; what is there then stays: to look through it again would be to copy all of its pages. */
static int freeze(void)
{
    PyGC_Enable();
    PyGC_Collect();
    PyGC_Disable();
    PyObject *function = held("gc", "freeze"), *frozen = function == NULL ? NULL : PyObject_CallNoArgs(function);
    Py_XDECREF(function);
    Py_XDECREF(frozen);
    return frozen == NULL ? -1 : 0;
}

/* Make the interpreter, as each start is to find it: nothing in it may tell of this process. */
static int make(const struct _frozen *rehearsal)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (int signum = 1; signum < NSIG; signum++)
        sigaction(signum, &by_default, NULL);
    set_the_stage();

    PyObjectArenaAllocator arenas = {NULL, heap_arena, heap_free_arena};
    PyObject_SetArenaAllocator(&arenas);
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1; /* whatever the locale, so that none is loaded */
    preconfig.allocator = PYMEM_ALLOCATOR_MALLOC; /* heap.c: without the room that arenas keep */
    PyStatus status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status))
        return fail(status.err_msg);

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config._init_main = 0;
    config._install_importlib = 0;
    config.module_search_paths_set = 1;
    config.site_import = 0;
    config.write_bytecode = 0;
    config.use_hash_seed = 1; /* the same in each build */
    config.hash_seed = 0;
    config.install_signal_handlers = 0; /* SIGPIPE and SIGXFSZ too stay as they were given */
    status = Py_InitializeFromConfig(&config);
    if (PyStatus_Exception(status))
        return fail(status.err_msg);
    if (_PySignal_Init(0) < 0 || make_imp() < 0 || PyImport_ImportFrozenModule("_start") <= 0)
        return fail_with_traceback();
    if (PyStatus_Exception(_PyCodec_InitRegistry(PyInterpreterState_Main()))) /* of the "main" phase as well: what makes UnicodeErrors */
        return fail_with_traceback();
    start = held("_start", "start");
    variables = held("posix", "environ");
    set_signal = held("_signal", "signal");
    if (start == NULL || variables == NULL || set_signal == NULL)
        return fail_with_traceback();
    static const char *const lives[] = {"script", "trap", "wake", "stop"};
    for (size_t at = 0; at < sizeof lives / sizeof *lives; at++)
        if (rehearse(rehearsal, lives[at], NULL) < 0)
            return fail_with_traceback();
    if (freeze() < 0)
        return fail_with_traceback();
    PyObject *roots[] = {start, variables, set_signal};
    return immortalise(roots, sizeof roots / sizeof *roots) < 0 ? fail_with_traceback() : 0;
}

/* In place of what readies pymalloc, which has a part in neither the snapshot nor what comes after: build.sh's --wrap. */
int __wrap__PyMem_init_obmalloc(PyInterpreterState *interpreter);
int __wrap__PyMem_init_obmalloc(PyInterpreterState *interpreter)
{
    interpreter->obmalloc = NULL;
    return 0;
}

/* Take leave of this process: what tells of it, and what it was needed for alone. */
static void forget(void)
{
    PyThreadState *state = _PyThreadState_GET();
    memset(state->datastack_top, 0, (size_t)((char *)state->datastack_limit - (char *)state->datastack_top));
    PyThread_tss_delete(&_PyRuntime.autoTSSkey);
    _PyRuntime.autoTSSkey = (Py_tss_t)Py_tss_NEEDS_INIT;
    _PyRuntime.main_thread = 0;
    state->thread_id = state->native_thread_id = 0;
    memset(our_modules, 0, sizeof our_modules);
}

/* --- the start -------------------------------------------------------------------------------------------------- */

/* posix.environ, of which the first of several with one name counts, as when posix makes it. Where PID 1 wakes it stays empty: there may
 * be no memory for all of it, and Python asks for those that it wants. */
static int read_variables(void)
{
    if (asleep.size > 0)
        return 0;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL)
            continue;
        PyObject *name = PyBytes_FromStringAndSize(*entry, equals - *entry), *value = PyBytes_FromString(equals + 1);
        PyObject *set = name == NULL || value == NULL ? NULL : PyDict_SetDefault(variables, name, value);
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
            PyObject *done = PyObject_CallFunction(set_signal, "ii", signum, (int)(intptr_t)SIG_IGN);
            if (done == NULL)
                return -1;
            Py_DECREF(done);
        }
    return 0;
}

/* Make the interpreter that is in the file this process's own. */
static int revive(void)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    _Py_tss_tstate = state; /* thread-local, so it is not in the snapshot */
    if (PyThread_tss_create(&_PyRuntime.autoTSSkey) != 0 || PyThread_tss_set(&_PyRuntime.autoTSSkey, state) != 0)
        return -1;
    _PyRuntime.main_thread = state->thread_id = PyThread_get_thread_ident();
    state->native_thread_id = PyThread_get_thread_native_id();
    return read_variables() < 0 || read_dispositions() < 0 ? -1 : 0;
}

static int run(void)
{
    if (revive() == 0)
        PyObject_CallNoArgs(start); /* returns only by an exception: cli.main() leaves by itself */
    int status = fail_with_traceback();
    return own.command == 0 ? status : plain_loop(own.command, 0, -1);
}

/* What rehearse.py calls at the end of the last one. */
static PyObject *end(PyObject *kind, PyObject *Py_UNUSED(none))
{
    snapshot_watched((int)PyLong_AsLong(kind));
    return NULL;
}

/* Rehearse for a plan: what is written to until a start is over is hot, and until a stop is, warm. Does not come back. */
static int rehearse_for_plan(const struct _frozen *rehearsal, const char *until, struct heap_ends ends, const char *plan)
{
    static PyMethodDef function = {"end", end, METH_NOARGS, ""};
    snapshot_watch(ends, plan);
    if (strcmp(until, "settled") == 0)
        snapshot_watched(HEAP_COLD);
    set_the_stage();
    PyObject *kind = PyLong_FromLong(strcmp(until, "start") == 0 ? HEAP_HOT : HEAP_WARM);
    PyObject *ending = kind == NULL ? NULL : PyCFunction_New(&function, kind);
    if (ending == NULL || revive() < 0 || rehearse(rehearsal, until, ending) < 0)
        return fail_with_traceback();
    return fail("a rehearsal comes to no end");
}

/* pyinit-unmade MODULES PLAN FILE: make the interpreter, by a plan of its heap, and write it into FILE, a copy of this program.
 * pyinit-unmade MODULES PLAN (start|stop|...|settled) NEW-PLAN: make it, and rehearse, for the next plan. (Where the objects lie has a small
 * effect on how the interpreter is made, by way of CPython's caches. So some pieces stay that have passed before; when all has been
 * rehearsed, the last plans keep a place for those, and change nothing else.) */
static int build(int count, char **words)
{
    if ((count != 4 && count != 5) || read_modules(words[1]) < 0)
        return fail("usage: pyinit-unmade MODULES PLAN (FILE | start|stop|script|trap|wake|settled NEW-PLAN)");
    heap_open(words[2]);
    struct _frozen rehearsal = take_last_module();
    int status = make(&rehearsal);
    if (status != 0)
        return status;
    forget();
    struct heap_ends ends = heap_seal();
    return count == 4 ? snapshot_write(words[3], ends) : rehearse_for_plan(&rehearsal, words[3], ends, words[4]);
}

/* Let the command have the CPU first, of which there may be one alone: nothing that Python does at the start is urgent. A signal is,
 * and ends this. */
static void step_aside(void)
{
    struct timespec until = moment_in(ASIDE);
    siginfo_t found;
    if (rest(&until, &found) > 0 && found.si_signo != SIGCHLD)
        rest_keep(&found);
}

int main(int count, char **words)
{
    if (start == NULL)
        return build(count, words);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &own.mask);
    own.count = count;
    own.words = words;
    own.command = plain_start(count, words, &own.mask);
    if (own.command != 0)
        step_aside();
    if (setjmp(sleep_bed) != 0 && sleep_until_needed() < 0) {
        fail("the interpreter cannot be had back");
        return plain_loop(own.command, 0, -1);
    }
    return run();
}
