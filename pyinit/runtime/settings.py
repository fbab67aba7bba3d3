"""PURE. What the administrator of a node has set, in a file, and what a pod's annotations ask for.

The file has one setting per line, `name=value`; empty lines and those that begin with `#` do not count. A value goes to the end
of its line, and has no quotes. Names are those of SETTINGS, or options of pyinit by their variables. Annotations are
`pyinit/NAME: value`, NAME an option as on the command line without its dashes: `pyinit/pre-stop-delay: auto`.
"""

from pyinit.record import Record
from pyinit.settings.config import UsageError
from pyinit.settings.hints import nearest
from pyinit.settings.options import all_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: What annotations begin with. Engines of Kubernetes pass on to a runtime those alone that they are told to (docs/runtime.md).
PREFIX = "pyinit/"

#: The annotation that names containers which are left as they are: `*` for all of the pod, or their names, with commas.
EXCLUDE = "exclude"

#: inits: what becomes of tini and its kin in front of a command.
REPLACE, LEAVE = "replace", "leave"

#: on-failure: whether a container that cannot be edited fails, or is started as it was.
FAIL, START = "fail", "start"

#: What the file may set besides variables, and the values that are allowed; any, where there are none.
SETTINGS: "dict[str, tuple[str, ...]]" = {
    "runtime": (),
    "binary": (),
    "inits": (REPLACE, LEAVE),
    "on-failure": (FAIL, START),
}


class Settings(Record):
    """What a node's file says.

    `runtime` is the real runtime, a path or a name to be found on PATH, "" for the first that is there; `binary` the path of
    the static binary, "" for the one that runs. `variables` are PYINIT_..., by name.
    """

    runtime: str = ""
    binary: str = ""
    inits: str = REPLACE
    on_failure: str = FAIL
    variables: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


def read(text: str) -> Settings:
    """The settings in the text of a file. Raises UsageError, with the number of the line."""
    found: dict[str, str] = {}
    variables: dict[str, str] = {}
    known = [option.variable for option in all_options()]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise UsageError(f"line {number}: {line.strip()!r} is no setting: write NAME=VALUE")
        if name in found or name in variables:
            raise UsageError(f"line {number}: {name} is set twice")
        if name in known:
            variables[name] = value
        elif name not in SETTINGS:
            raise UsageError(f"line {number}: there is no setting {name!r}{_meant(name, [*SETTINGS, *known])}")
        elif SETTINGS[name] and value not in SETTINGS[name]:
            raise UsageError(f"line {number}: {name} is {' or '.join(SETTINGS[name])}, not {value!r}")
        else:
            found[name.replace("-", "_")] = value
    return Settings(**found, variables=variables)


def _meant(name: str, known: list[str], prefix: str = "") -> str:
    meant = nearest(name, known)
    return f"; did you mean {prefix}{meant}?" if meant else ""


def of_pod(annotations: "Mapping[str, str]") -> "dict[str, str]":
    """The variables that annotations ask for. Raises UsageError."""
    variables = {option.flag[2:]: option.variable for option in all_options()}
    found = {}
    for key, value in annotations.items():
        name = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and name != EXCLUDE:
            if name not in variables:
                raise UsageError(f"annotation {key}: there is no option {name!r}{_meant(name, [*variables, EXCLUDE], PREFIX)}")
            found[variables[name]] = value
    return found


def runtime_alone(text: str) -> Settings:
    """Which runtime a file names, whatever else is wrong with it: for calls that make nothing."""
    pairs = [line.partition("=") for line in text.splitlines()]
    return Settings(runtime="".join([value.strip() for name, _, value in pairs if name.strip() == "runtime"][:1]))
