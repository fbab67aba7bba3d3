#!/bin/sh
''':'
# The `pyinit` that pip installs: a shell script and a Python program in one. pip can write no interpreter options into a
# script's first line, and its own template imports 10 ms worth of modules with the environment's say in it. So the shell
# part finds the Python beside this file (or on PATH) and runs the rest of the file with it, isolated (-I) and without
# site (-S). A link to this file works too, also where it lies in the package itself; Python is given the link's own name,
# because under that of another init we are its drop-in.
script=$0
if [ -h "$script" ]; then script=$(readlink -f "$script"); fi
python=${script%/*}/python3
if [ ! -x "$python" ]; then python=python3; fi
exec "$python" -IS "$0" "$@"
'''
import posix
import sys


def folder_of(path):
    """The folder of a file, or of what its links lead to."""
    for _ in range(40):  # as many as the kernel follows
        folder = path.rpartition("/")[0] if "/" in path else "."
        try:
            target = posix.readlink(path)
        except OSError:
            break  # EINVAL: no link
        path = target if target.startswith("/") else folder + "/" + target
    return folder


def find_package(folder):
    """The folder that holds the package, seen from the folder of this file."""
    libraries = ["python%d.%d" % sys.version_info[:2]]
    try:
        libraries += sorted(entry for entry in posix.listdir(folder + "/../lib") if entry.startswith("python3"))
    except OSError:
        pass  # no such folder: installed with --target, perhaps
    places = ["/../lib/" + library + kind for library in libraries for kind in ("/site-packages", "/dist-packages")]
    for place in ["/..", *places]:
        try:
            posix.stat(folder + place + "/pyinit/__main__.py")
            return folder + place
        except OSError:
            continue
    return None


if sys.version_info < (3, 10):
    posix.write(2, b"pyinit: error: needs Python 3.10 or newer, not %d.%d\n" % sys.version_info[:2])
    posix._exit(125)
package_folder = find_package(folder_of(__file__))
if package_folder is None:
    import site

    site.main()  # an unusual place, or an editable installation: found the slow way
else:
    sys.path.insert(0, package_folder)
try:
    import pyinit
except ImportError:
    posix.write(2, b"pyinit: error: its package is not where pip puts it, beside this script; install it again\n")
    posix._exit(125)
if package_folder is not None:
    del sys.path[0]  # nothing else in there may stand before the standard library
import pyinit.__main__  # noqa: E402, F401
