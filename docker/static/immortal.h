/* immortal.c, for main.c. */
#include <Python.h>

int immortalise(PyObject *const *roots, size_t count);
