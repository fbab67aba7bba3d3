"""The start of pyinit-rehearse: one clear line where its libraries are missing."""

import importlib
import sys

from pyinit.rehearse.faults import NO_VERDICT

#: The modules of the extra's libraries, and what pip calls these.
LIBRARIES = {
    "docker": "docker",
    "h11": "h11",
    "h2": "h2",
    "hcl2": "python-hcl2",
    "rich": "rich",
    "tree_sitter": "tree-sitter",
    "tree_sitter_bash": "tree-sitter-bash",
    "wsproto": "wsproto",
    "yaml": "PyYAML",
    **({} if sys.version_info >= (3, 11) else {"tomli": "tomli"}),
}


def main() -> int:
    """The command; return its exit status."""
    for module, library in LIBRARIES.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            sys.stderr.write(f"pyinit-rehearse: the library {library} is missing; install the extra pyinit[rehearse]\n")
            return NO_VERDICT
    from pyinit.rehearse import command

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
