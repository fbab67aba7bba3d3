/* In place of what the C library would bring along for names of hosts, services, users and groups: it loads shared objects for
 * that (nsswitch.conf(5)), which a static program has not. pyinit asks for none of these names; _socket and posix merely could.
 */
#define _GNU_SOURCE
#define NEED_OPCODE_METADATA 1 /* the tables that are the compiler's, too */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <errno.h>
#include <grp.h>
#include <internal/pycore_opcode_metadata.h>
#include <math.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/types.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    (void)node, (void)service, (void)hints;
    *found = NULL;
    return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *found)
{
    (void)found;
}

int getnameinfo(const struct sockaddr *address, socklen_t size, char *node, socklen_t node_size, char *service,
                socklen_t service_size, int flags)
{
    (void)address, (void)size, (void)node, (void)node_size, (void)service, (void)service_size, (void)flags;
    return EAI_FAIL;
}

int gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t size, struct hostent **found, int *error)
{
    (void)name, (void)host, (void)buffer, (void)size;
    *found = NULL;
    *error = HOST_NOT_FOUND;
    return ENOENT;
}

int gethostbyaddr_r(const void *address, socklen_t length, int type, struct hostent *host, char *buffer, size_t size,
                    struct hostent **found, int *error)
{
    (void)address, (void)length, (void)type, (void)host, (void)buffer, (void)size;
    *found = NULL;
    *error = HOST_NOT_FOUND;
    return ENOENT;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
    (void)name, (void)protocol;
    return NULL;
}

struct servent *getservbyport(int port, const char *protocol)
{
    (void)port, (void)protocol;
    return NULL;
}

struct protoent *getprotobyname(const char *name)
{
    (void)name;
    return NULL;
}

int initgroups(const char *user, gid_t group)
{
    (void)user, (void)group;
    errno = ENOSYS;
    return -1;
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
    (void)user, (void)group, (void)groups;
    *count = 0;
    return -1;
}

/* Nobody throws an exception of C++. GCC's start and end of a program would sort the tables for that: 0.2 million instructions. */
void __wrap___register_frame_info(const void *begin, void *object);
void __wrap___register_frame_info(const void *begin, void *object)
{
    (void)begin, (void)object;
}

void *__wrap___deregister_frame_info(const void *begin);
void *__wrap___deregister_frame_info(const void *begin)
{
    (void)begin;
    return NULL;
}

/* Complex numbers: their functions bring tables of 60 KiB. */
double atan2(double y, double x)
{
    return y + x;
}

void sincos(double x, double *sine, double *cosine)
{
    *sine = *cosine = x;
}

/* A static program loads no shared objects either: for _imp. */
const char *_PyImport_DynLoadFiletab[] = {NULL};

void *_PyImport_FindSharedFuncptr(const char *prefix, const char *name, const char *path, void *file)
{
    (void)prefix, (void)name, (void)path, (void)file;
    return NULL;
}

/* Nor is there source to read or to compile: the parser and the compiler are a sixth of what else would be linked in. These are the
 * functions of theirs that others in libpython could call. */
void *unneeded(void);
void *unneeded(void)
{
    PyErr_SetString(PyExc_SystemError, "there is no parser and no compiler in this binary");
    return NULL;
}
#define UNNEEDED(name) __asm__(".globl " #name "\n.set " #name ", unneeded")
UNNEEDED(PyAST_Check);
UNNEEDED(PyAST_mod2obj);
UNNEEDED(PyAST_obj2mod);
UNNEEDED(PyCompile_OpcodeStackEffect);
UNNEEDED(_PyAST_Compile);
UNNEEDED(_PyAST_Fini);
UNNEEDED(_PyAST_Validate);
UNNEEDED(_PyCompile_AstOptimize);
UNNEEDED(_PyCompile_EnsureArrayLargeEnough);
UNNEEDED(_PyParser_ASTFromFile);
UNNEEDED(_PyParser_ASTFromString);
UNNEEDED(_PyParser_InteractiveASTFromFile);
UNNEEDED(_PyTokenizer_FindEncodingFilename);

/* Two things of the compiler's are asked for by others: the names in a class's __slots__, none of which is to be mangled in our modules,
 * and a type, which the core makes with all others. */
PyObject *_Py_Mangle(PyObject *class, PyObject *name);
PyObject *_Py_Mangle(PyObject *class, PyObject *name)
{
    (void)class;
    return Py_NewRef(name);
}

PyTypeObject PySTEntry_Type = {PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "symtable entry",
                               .tp_basicsize = sizeof(PyObject), .tp_flags = Py_TPFLAGS_DEFAULT};
