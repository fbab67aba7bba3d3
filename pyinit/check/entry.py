"""The script `pyinit-check`: says in one line what is missing, or hands over to cli.py."""

import importlib.util
import sys

#: Modules of the extra `pyinit[check]`, by the name of the package that brings each.
NEEDED = {
    "yaml": "PyYAML",
    "tree_sitter": "tree-sitter",
    "tree_sitter_bash": "tree-sitter-bash",
    "hcl2": "python-hcl2",
    "rich": "rich",
}

#: Exit status where nothing could be checked.
USAGE = 2


def missing() -> list[str]:
    """The packages that are not installed."""
    needed = NEEDED if sys.version_info >= (3, 11) else {**NEEDED, "tomli": "tomli"}
    return [package for module, package in needed.items() if importlib.util.find_spec(module) is None]


def main() -> int:
    """Run pyinit-check, and return its exit status."""
    lacking = missing()
    if lacking:
        names = " ".join(lacking)
        sys.stderr.write(
            f"pyinit-check: error: not installed: {', '.join(lacking)}; they come with the extra `check` "
            "(pip install 'WHEEL[check]'), "
            f"or by themselves: pip install {names}\n"
        )
        return USAGE
    from pyinit.check import cli  # only here: it imports what may be missing

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
