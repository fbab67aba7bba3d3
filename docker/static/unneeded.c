/* In place of what the C library would bring along for names of hosts, services, users and groups: it loads shared objects for
 * that (nsswitch.conf(5)), which a static program has not. pyinit asks for none of these names; _socket and posix merely could.
 */
#define _GNU_SOURCE
#include <Python.h>
#include <errno.h>
#include <grp.h>
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

/* A static program loads no shared objects either: for _imp. */
const char *_PyImport_DynLoadFiletab[] = {NULL};

void *_PyImport_FindSharedFuncptr(const char *prefix, const char *name, const char *path, void *file)
{
    (void)prefix, (void)name, (void)path, (void)file;
    return NULL;
}

/* Nor is there source to read: the parser is a tenth of what else would be linked in. (The last two are for lines of source in
 * tracebacks.) */
void *_PyParser_ASTFromString(const char *, PyObject *, int, PyCompilerFlags *, void *);
void *_PyParser_ASTFromFile(FILE *, PyObject *, const char *, int, const char *, const char *, PyCompilerFlags *, int *, void *);
Py_ssize_t _PyPegen_byte_offset_to_character_offset(PyObject *, Py_ssize_t);
char *_PyTokenizer_FindEncodingFilename(int, PyObject *);

void *_PyParser_ASTFromString(const char *text, PyObject *name, int mode, PyCompilerFlags *flags, void *arena)
{
    (void)text, (void)name, (void)mode, (void)flags, (void)arena;
    PyErr_SetString(PyExc_SystemError, "there is no parser in this binary");
    return NULL;
}

void *_PyParser_ASTFromFile(FILE *file, PyObject *name, const char *encoding, int mode, const char *first_prompt,
                            const char *next_prompt, PyCompilerFlags *flags, int *error, void *arena)
{
    (void)file, (void)encoding, (void)first_prompt, (void)next_prompt, (void)error;
    return _PyParser_ASTFromString(NULL, name, mode, flags, arena);
}

Py_ssize_t _PyPegen_byte_offset_to_character_offset(PyObject *line, Py_ssize_t offset)
{
    (void)line;
    return offset;
}

char *_PyTokenizer_FindEncodingFilename(int descriptor, PyObject *name)
{
    (void)descriptor, (void)name;
    return NULL;
}
