"""The static binary imports its modules when it is built: what one of them asked the kernel then would be another machine's."""

import subprocess
import sys

from tests.namespace import ROOT

#: Imports all of them, and prints which of their lines have called something of the kernel's meanwhile.
IMPORT_ALL = """
import sys
sys.path[:0] = sys.argv[1:]
import _signal, _socket, fcntl, importlib, posix, select, time
from pathlib import Path
from freeze import modules

asked = []

def watch(module, name):
    real = getattr(module, name)

    def call(*given, **named):
        caller = sys._getframe(1)
        if caller.f_globals["__name__"].startswith("pyinit"):
            asked.append(f"{caller.f_globals['__name__']}:{caller.f_lineno} {module.__name__}.{name}")
        return real(*given, **named)

    setattr(module, name, call)

for module in (_signal, _socket, fcntl, posix, select, time):
    for name, value in list(vars(module).items()):
        if type(value) is type(posix.stat):
            watch(module, name)
all_of_them = modules(Path(sys.argv[1]) / "pyinit", Path(sys.argv[2]) / "start.py")
names = [name for name, *_ in all_of_them if name.startswith("pyinit")]
for name in names:
    importlib.import_module(name)
print(len(names), *asked, sep="\\n")
"""


def test_no_module_asks_the_kernel_anything_when_it_is_imported() -> None:
    words = [sys.executable, "-c", IMPORT_ALL, str(ROOT), str(ROOT / "docker" / "static")]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    count, *asked = done.stdout.splitlines()
    assert int(count) > 50
    [which] = asked
    assert which.startswith("pyinit.kernel.signals:")
    assert which.endswith("_signal.valid_signals"), "a constant of the C library, which is in the binary too"
