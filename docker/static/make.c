/* At build time: make the interpreter, with pyinit's modules imported and warm, as each start is to find it in the file; or rehearse in
 * it for a plan of its memory (snapshot.c).
 *
 * Of CPython only the "core" phase is initialised (PyConfig._init_main = 0, "Multi-Phase Initialization Private Provisional API"
 * in its documentation), and not even importlib: no search path, no file system, no site, no codecs, no stdio. Half of the
 * memory lies there. What imports instead is start.py.
 */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <fcntl.h>
#include <internal/pycore_codecs.h>
#include <internal/pycore_import.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#include <marshal.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "immortal.h"
#include "make.h"
#include "plain.h"
#include "revive.h"
#include "snapshot.h"

#define REHEARSALS 12 /* of each life; CPython keeps count of the instances of a class, to the thirtieth */

/* --- what there is to import, in place of CPython's own tables -------------------------------------------------- */

#define MOST_MODULES 300
/* While the interpreter is made: read_modules(). Then it is a page of zeros, for sleep.c. */
_Alignas(4096) static struct _frozen our_modules[MOST_MODULES];
char *const snapshot_canary = (char *)our_modules;
_Static_assert(sizeof our_modules >= 4096, "the canary is a page");

PyMODINIT_FUNC PyInit__imp(void);
PyMODINIT_FUNC PyInit__pyinit(void); /* of module.c */
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
    {"_pyinit", PyInit__pyinit},
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

/* --- making it --------------------------------------------------------------------------------------------------- */

int _PySignal_Init(int install_handlers); /* a part of the "main" phase, without which there is no module _signal */

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
        done = PyObject_CallFunction(function, ending == NULL ? "Os" : "OsO", made.start, until, ending);
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
    made.start = held("_start", "start");
    made.variables = held("posix", "environ");
    made.set_signal = held("_signal", "signal");
    if (made.start == NULL || made.variables == NULL || made.set_signal == NULL)
        return fail_with_traceback();
    static const char *const lives[] = {"script", "trap", "wake", "stop"};
    for (size_t at = 0; at < sizeof lives / sizeof *lives; at++)
        if (rehearse(rehearsal, lives[at], NULL) < 0)
            return fail_with_traceback();
    if (freeze() < 0)
        return fail_with_traceback();
    PyObject *roots[] = {made.start, made.variables, made.set_signal};
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

/* --- in a program that has no interpreter in its file yet --------------------------------------------------------- */

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
int build(int count, char **words)
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
