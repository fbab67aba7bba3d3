/* The interpreter as it is found in the file. See revive.c. */
#ifndef REVIVE_H
#define REVIVE_H

#include <Python.h>

/* What is held of it, since make.c has made it. It is in the snapshot. */
struct made {
    PyObject *start;      /* start.start(); NULL: there is no interpreter yet */
    PyObject *variables;  /* posix.environ */
    PyObject *set_signal; /* signal.signal() */
};
extern struct made made;

int revive(void);

#endif
