"""PURE. The command line of an OCI runtime: what is asked of it, and where the bundle and the log are.

    runc [global options] COMMAND [options] ID

Engines call runc and crun alike; the options of both are known here, and youki's. What is not known is passed on and not
minded: all that must be found is the command, the bundle of those that make a container, and the log.
"""

from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Global options that take a value. (The others, --debug and --systemd-cgroup among them, may be given one by `=` alone.)
GLOBAL_VALUES = frozenset("cgroup-manager criu l log log-format log-level r root rootless".split())

#: Options of `create` and `run` that take a value.
VALUES = frozenset("b bundle c config console-socket f p pid-file preserve-fds".split())

#: Those that make a container from a bundle.
MAKING = ("create", "run")

#: All commands: the word that follows an option we do not know is one of these, or that option's value.
COMMANDS = frozenset(
    "checkpoint create delete events exec features h help info kill list mounts pause ps restore resume run spec start state "
    "update version".split()
)

#: Our own option, which goes no further.
OWN = "pyinit-config"


class Call(Record):
    """What an engine has asked for. `words` are what the real runtime is to be given; "" is what was not said."""

    words: tuple[str, ...]
    command: str = ""
    bundle: str = ""
    config: str = "config.json"  # the name of the file in the bundle (crun's --config)
    log: str = ""
    log_format: str = ""
    is_debug: bool = False
    settings: str = ""  # --pyinit-config

    @property
    def makes_container(self) -> bool:
        """Whether a container is to be made from a bundle."""
        return self.command in MAKING


def _option(word: str) -> tuple[str, bool, str]:
    """The name of an option, whether a value was given with it, and that value."""
    name, equals, value = word.lstrip("-").partition("=")
    return name, bool(equals), value


def read(words: "Sequence[str]") -> Call:
    """What a command line asks for. Of an option that is given twice the last one counts, as in runc and crun."""
    given: dict[str, str] = {}
    passed: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        name, has_value, value = _option(rest[0])
        following, after = [*rest[1:3], "", ""][:2]
        is_value = not following.startswith("-") and following not in COMMANDS and after in COMMANDS  # of one we do not know
        taken = 1
        if not has_value and (name == OWN or name in GLOBAL_VALUES or is_value):
            taken, value = 2, following
        given[name] = value
        if name != OWN:
            passed += rest[:taken]
        rest = rest[taken:]
    log = given.get("log", given.get("l", ""))
    is_debug = given.get("debug", "false").lower() not in ("false", "f", "0")  # without a value it is ""
    found = Call(
        words=(*passed, *rest),
        command=rest[0] if rest else "",
        log=log,
        log_format=given.get("log-format", ""),
        is_debug=is_debug,
        settings=given.get(OWN, ""),
    )
    return _of_making(found, rest[1:]) if found.makes_container else found


def _of_making(call: Call, words: list[str]) -> Call:
    """A call with what the options of `create` and `run` say. They may stand behind the ID as well."""
    given: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0] != "--":
        word, *rest = rest
        if not word.startswith("-") or word == "-":
            continue
        name, has_value, value = _option(word)
        if name not in VALUES and not word.startswith("--") and name[:1] in ("b", "f"):
            name, has_value, value = name[0], True, word[2:]  # crun: -bFOLDER
        if name in VALUES and not has_value:
            value = rest.pop(0) if rest else ""
        given[name] = value
    is_question = bool({"h", "help", "?", "usage"} & set(given))
    return Call(
        words=call.words,
        command="help" if is_question else call.command,
        bundle=given.get("bundle", given.get("b", "")),
        config=given.get("config", given.get("f", "")) or call.config,
        log=call.log,
        log_format=call.log_format,
        is_debug=call.is_debug,
        settings=call.settings,
    )
