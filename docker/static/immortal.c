/* At build time: make all objects of the interpreter immortal (PEP 683).
 *
 * To touch an object is to write to it, as its references are counted, and to write to a page of the file is to have a copy of it in
 * memory. What is in the snapshot lives as long as its process anyway, and the references to an immortal object are not counted.
 *
 * All objects must be found for that. The garbage collector knows those that may refer to others, and each tells of the others when it
 * is asked as the collector asks (tp_traverse). What is not told then, because it cannot be part of a cycle, is read by hand here; what
 * is missed costs a page, and no more.
 */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_object.h>
#include <internal/pycore_typeobject.h>
#include <stdint.h>
#include <sys/mman.h>

#include "immortal.h"

#define BITS 20
#define MOST ((size_t)1 << BITS)

static struct {
    PyObject **seen, **left; /* a hash table of all; those that were not looked into yet */
    size_t count, waiting;
} found __attribute__((section(".making")));

static int see(PyObject *object, void *context)
{
    (void)context;
    if (object == NULL)
        return 0;
    size_t at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15 >> (64 - BITS);
    for (; found.seen[at] != NULL; at = (at + 1) % MOST)
        if (found.seen[at] == object)
            return 0;
    if (++found.count == MOST)
        return -1;
    found.seen[at] = object;
    found.left[found.waiting++] = object;
    return 0;
}

static int see_collected(PyObject *object, void *context)
{
    see(object, context);
    return 1;
}

static void see_all(void *const *objects, size_t count)
{
    for (size_t at = 0; at < count; at++)
        see(objects[at], NULL);
}
#define SEE(...) see_all((void *const[]){__VA_ARGS__}, sizeof((void *const[]){__VA_ARGS__}) / sizeof(void *))

static void see_in_type(PyTypeObject *type)
{
    SEE(_PyType_GetDict(type), type->tp_mro, type->tp_bases, type->tp_base, type->tp_cache);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        PyHeapTypeObject *heap = (PyHeapTypeObject *)type;
        SEE(heap->ht_name, heap->ht_qualname, heap->ht_slots, heap->ht_module, type->tp_subclasses);
        if (heap->ht_cached_keys != NULL)
            heap->ht_cached_keys->dk_refcnt = _Py_IMMORTAL_REFCNT; /* those of its instances refer to it */
    }
}

static void see_in_code(PyCodeObject *code)
{
    SEE(code->co_consts, code->co_names, code->co_exceptiontable, code->co_localsplusnames, code->co_localspluskinds);
    SEE(code->co_filename, code->co_name, code->co_qualname, code->co_linetable, code->co_weakreflist);
}

static void see_in_dict(PyObject *dict)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &at, &key, &value))
        SEE(key, value);
}

static int is_descriptor(PyTypeObject *type)
{
    return type == &PyMethodDescr_Type || type == &PyClassMethodDescr_Type || type == &PyMemberDescr_Type ||
           type == &PyGetSetDescr_Type || type == &PyWrapperDescr_Type;
}

static void see_in(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    see((PyObject *)type, NULL);
    if (PyType_Check(object)) {
        see_in_type((PyTypeObject *)object);
    } else if (PyCode_Check(object)) {
        see_in_code((PyCodeObject *)object);
    } else if (PyDict_Check(object)) {
        see_in_dict(object);
    } else if (is_descriptor(type)) {
        PyDescrObject *descriptor = (PyDescrObject *)object;
        SEE(descriptor->d_type, descriptor->d_name, descriptor->d_qualname);
    } else if (PyObject_IS_GC(object)) {
        type->tp_traverse(object, see, NULL);
    }
}

static PyObject **room(void)
{
    void *pages = mmap(NULL, MOST * sizeof(PyObject *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

/* Make immortal what there is: what the collector knows, the modules, and what can be found from these roots. -1: no memory. */
int immortalise(PyObject *const *roots, size_t count)
{
    PyInterpreterState *interpreter = PyInterpreterState_Main();
    found.seen = room();
    found.left = room();
    if (found.seen == NULL || found.left == NULL)
        return -1;
    PyUnstable_GC_VisitObjects(see_collected, NULL);
    SEE(interpreter->imports.modules, interpreter->sysdict, interpreter->builtins, interpreter->cached_objects.interned_strings);
    see_all((void *const *)roots, count);
    while (found.waiting > 0) {
        PyObject *object = found.left[--found.waiting];
        if (!_Py_IsImmortal(object))
            object->ob_refcnt = _Py_IMMORTAL_REFCNT;
        see_in(object);
    }
    if (found.count == MOST) {
        PyErr_SetString(PyExc_SystemError, "immortal.c has no room for so many objects");
        return -1;
    }
    munmap(found.seen, MOST * sizeof(PyObject *));
    munmap(found.left, MOST * sizeof(PyObject *));
    return 0;
}
