"""Starting the pre-stop command. Imported where there is one, while all is well."""

from pyinit.kernel import signals, spawn, system
from pyinit.settings import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.log import Log


class Hook:
    """The pre-stop command, with what it is started with: as the command itself was, and it may know the command's PID."""

    def __init__(
        self, text: str, command: int, environment: dict[bytes, bytes], mask: frozenset[int], folder: str, log: "Log"
    ) -> None:
        self._text = text
        self._command = command
        self._environment = environment
        self._mask = mask
        self._folder = folder
        self._log = log

    def start(self, signum: int) -> int | None:
        """Start it for this signal; return its PID, or None, and a warning, where it cannot be started."""
        told = {b"PYINIT_SIGNAL": signals.name(signum).encode(), b"PYINIT_COMMAND_PID": str(self._command).encode()}
        environment = self._environment | told
        system.change_folder(self._folder)
        try:
            return spawn.spawn(words.as_shell(self._text, (), environment), environment, self._mask)
        except spawn.SpawnError as error:
            self._log.say("warning", "pre_stop_failed", f"the pre-stop command is skipped: {error}")
            return None
        finally:
            system.change_folder("/")
