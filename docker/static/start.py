"""The first module of the static binary: how it imports, and the start of pyinit.

In the binary there is no importlib: this does what pyinit needs of it, for modules that are frozen or built in.
"""

import _imp
import builtins
import sys


class Spec:
    """What _imp.create_builtin() wants to know."""

    origin = "built-in"

    def __init__(self, name):
        self.name = name


def load(name):
    """A module by its full name, and the packages above it before."""
    module = sys.modules.get(name)
    if module is not None:
        return module
    parent, _, tail = name.rpartition(".")
    if parent:
        load(parent)
    if _imp.is_frozen(name):
        module = _imp.init_frozen(name)
    elif _imp.is_builtin(name):
        module = _imp.create_builtin(Spec(name))
        _imp.exec_builtin(module)
        sys.modules[name] = module
    else:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    if parent:
        setattr(sys.modules[parent], tail, module)
    return module


def import_(name, globals=None, locals=None, fromlist=(), level=0):  # noqa: A002, ARG001 - as builtins.__import__() has it
    """What the `import` statement calls. There are no relative imports."""
    module = load(name)
    if not fromlist:
        return sys.modules[name.partition(".")[0]]
    if hasattr(module, "__path__"):
        for attribute in fromlist:
            if not hasattr(module, attribute):
                load(f"{name}.{attribute}")
    return module


def start():
    """What each start of the binary calls."""
    called, *arguments = _pyinit.arguments() or ["pyinit"]  # execve(2) lets argv be empty
    cli.main(arguments, frozenset(_pyinit.given_mask()), called)


builtins.__import__ = import_
sys.frozen = True  # as others who freeze programs have it

import gc  # noqa: E402

import _pyinit  # noqa: E402

gc.disable()  # until cli.forget_the_start(), as in pyinit/__main__.py

from pyinit import cli  # noqa: E402

for each in _pyinit.modules():
    try:
        load(each)
    except ModuleNotFoundError as error:
        if error.name != "ssl":  # of which pyinit.probe.tls needs more than there is
            raise
