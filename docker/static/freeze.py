"""Write pyinit's modules as code objects, for the binary to import when its interpreter is made.

    python3.13 freeze.py PACKAGE START > modules

Run by the same version of CPython as the binary has, with PYTHONHASHSEED=0 and `-X no_debug_ranges`: the same files then give
the same bytes, and tracebacks have lines, but not columns. Docstrings are left out, and the types of
functions.

pyinit/check is left out: it is never PID 1, and its libraries are not in the binary.
"""

import ast
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path

#: Packages of pyinit that run outside of containers only, with libraries that the binary does not have.
OUTSIDE = ("check", "rehearse")


def modules(package: Path, start: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Name, file as tracebacks tell it, text, and whether it is a package, of each module of the binary."""
    yield "_start", start.name, start.read_text(), False
    # CPython does UTF-8 itself; but before it raises a UnicodeError it wants to have imported the codecs of this package.
    yield "encodings", "encodings", "", False
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package.parent)
        words = list(place.with_suffix("").parts)
        if words[1:2] and words[1] in OUTSIDE:
            continue
        is_package = words[-1] == "__init__"
        if words[-1] != "__main__":  # which starts the interpreter that we are
            yield ".".join(words[:-1] if is_package else words), str(place), path.read_text(), is_package
    rehearsal = start.with_name("rehearse.py")
    yield "_rehearsal", rehearsal.name, rehearsal.read_text(), False  # make.c takes the last one out


def without_annotations(text: str) -> ast.Module:
    """The text of a module, without what its functions say of types: nobody reads it, and it would take room."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return tree


def main() -> None:
    """Freeze."""
    package, start = map(Path, sys.argv[1:])
    for name, place, text, is_package in modules(package, start):
        code = marshal.dumps(compile(without_annotations(text), place, "exec", dont_inherit=True, optimize=2))
        sys.stdout.buffer.write(b"%s %d %d\n%s" % (name.encode(), len(code), is_package, code))  # as make.c reads it


if __name__ == "__main__":
    main()
