/* immortal.c, for make.c. */
#include <Python.h>

int immortalise(PyObject *const *roots, size_t count);
