"""The start of pyinit-rehearse: one clear line where its libraries are missing."""

import sys

from pyinit.rehearse.faults import NO_VERDICT

#: What pip calls the distributions whose modules have other names.
NAMES = {"yaml": "PyYAML"}


def main() -> int:
    """The command; return its exit status."""
    try:
        from pyinit.rehearse import command
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "pyinit"):
            raise
        library = NAMES.get(missing, missing)
        sys.stderr.write(
            f"pyinit-rehearse: the library {library} is missing; install the wheel with its extra: pyinit[rehearse]\n"
        )
        return NO_VERDICT
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
