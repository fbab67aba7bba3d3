"""`pyinit-runtime`: read the call, edit the bundle where a container is to be made, and become the real runtime.

No process of ours stays: what the engine has started is the real runtime from then on, with our PID, its own words and the
environment as it came. Whatever goes wrong is one line on stderr and one in the file of `--log`, in the form of runc.
"""

import posix
import sys

from pyinit.kernel import libc, system
from pyinit.kernel.signals import signal
from pyinit.log import json_object, json_value, printable, timestamp
from pyinit.runtime import calls, edit, settings
from pyinit.runtime.document import Malformed
from pyinit.settings.config import RUNTIME, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.runtime.calls import Call
    from pyinit.runtime.settings import Settings

#: Where the files of settings are: runtime.conf; or runtime-crun.conf, where we are called by `pyinit-runtime-crun`.
FOLDER = "/etc/pyinit/"

#: What is looked for where no runtime is named, and where, if PATH is not set.
RUNTIMES = ("runc", "crun")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The exit status of runc where it fails.
FAILED = 1

#: Bytes, more than any config.json or file of settings has.
LONGEST = 1 << 24

#: What all must be allowed with the binary: not to read it makes /proc/self root's; and users of containers are nobody special.
READ_AND_EXECUTE = 0o005

ELF = b"\x7fELF"


class Failure(Exception):
    """What the engine has asked for cannot be done: one line that says why."""


def run(name: str, arguments: list[str], mask: frozenset[int]) -> int:
    """Become the real runtime; return an exit status only where that cannot be. `mask` is as in cli.main()."""
    call = calls.read(arguments)
    try:
        node = _settings(name, call)
        if call.makes_container:
            _prepare(call, node)
        _become(_find(node.runtime), call, mask)
    except Failure as failure:
        _tell(call, "error", str(failure))
    return FAILED


def _prepare(call: "Call", node: "Settings") -> None:
    """Edit the bundle, if it is one of those that are edited."""
    path = f"{call.bundle or '.'}/{call.config}"
    try:
        found = _edit(path, node)
    except (Malformed, UsageError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if node.on_failure == settings.FAIL:
            raise Failure(f"{path}: {reason}") from None
        _tell(call, "warning", f"{path}: {reason}; the container is started without pyinit (on-failure={settings.START})")
        return
    if call.is_debug:
        _tell(call, "debug", f"{path}: {found.reason}", on_stderr=False)


def _edit(path: str, node: "Settings") -> edit.Edit:
    """Edit a config.json. Raises Malformed, UsageError and OSError."""
    data, status = _read(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start} is no UTF-8") from None
    found = edit.edit(text, node, lambda: _binary(node), _check, _is_our_pid_namespace)
    if found.text is not None:
        _replace(path, found.text.encode(), status)
    return found


def _check(variables: "Mapping[str, str]") -> None:
    from pyinit.settings import options

    options.parse(["--", "true"], variables)


def _is_our_pid_namespace(path: str) -> bool:
    try:
        theirs, ours = posix.stat(path), posix.stat("/proc/self/ns/pid")
    except OSError:
        return False
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


# --- files ------------------------------------------------------------------------------------------------------------


def _read(path: str) -> tuple[bytes, posix.stat_result]:
    """A regular file, which is no link, and what stat(2) tells of it. Raises OSError, and Malformed for anything else."""
    descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK)
    try:
        status = posix.fstat(descriptor)
        if status.st_mode & system.S_IFMT != system.S_IFREG:
            raise Malformed("this is no regular file")
        if status.st_size > LONGEST:
            raise Malformed(f"{status.st_size} bytes are too many")
        parts = []
        while part := posix.read(descriptor, 1 << 20):
            parts.append(part)
        return b"".join(parts), status
    finally:
        posix.close(descriptor)


def _replace(path: str, data: bytes, status: posix.stat_result) -> None:
    """Put new content in the place of a file, with its owner and mode, at once: the engine may read it. Raises OSError."""
    temporary = f"{path}.pyinit-{posix.getpid()}"
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
    descriptor = posix.open(temporary, flags, 0o600)
    try:
        try:
            if (posix.geteuid(), posix.getegid()) != (status.st_uid, status.st_gid):
                posix.fchown(descriptor, status.st_uid, status.st_gid)
            posix.fchmod(descriptor, status.st_mode & 0o7777)
            system.write_all(descriptor, data)
        finally:
            posix.close(descriptor)
        posix.rename(temporary, path)
    except BaseException:
        posix.unlink(temporary)
        raise


# --- what the node says ------------------------------------------------------------------------------------------------


def _settings(name: str, call: "Call") -> "Settings":
    """The settings of the node. A file with mistakes keeps nobody from ending the containers that run."""
    path = call.settings or f"{FOLDER}{name.removeprefix('pyinit-')}.conf"
    try:
        text = _read(path)[0].decode()
    except FileNotFoundError:
        if call.settings:
            raise Failure(f"--{calls.OWN}: {path}: there is no such file") from None
        return settings.Settings()
    except (OSError, Malformed, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Failure(f"{path}: {reason}") from None
    try:
        return settings.read(text)
    except UsageError as error:
        if call.makes_container:
            raise Failure(f"{path}: {error}") from None
        return settings.runtime_alone(text)


def _binary(node: "Settings") -> str:
    """The path of the static binary. Raises UsageError where it is of no use in a container."""
    path = node.binary
    if not path:
        if not hasattr(sys, "frozen"):
            raise UsageError("this is no static binary, so the settings have to name one: binary=PATH")
        path = posix.readlink("/proc/self/exe").removesuffix(" (deleted)")  # replaced by a newer one since it was started
    if not path.startswith("/"):
        raise UsageError(f"binary={path}: a path from the root is wanted")
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError as error:
        raise UsageError(f"the binary {path}: {error.strerror}") from None
    try:
        mode = posix.fstat(descriptor).st_mode
        is_program = mode & system.S_IFMT == system.S_IFREG and posix.read(descriptor, len(ELF)) == ELF
    finally:
        posix.close(descriptor)
    if not is_program:
        raise UsageError(f"the binary {path} is no program; is it the static one?")
    if mode & READ_AND_EXECUTE != READ_AND_EXECUTE:
        raise UsageError(f"the binary {path}: containers of other users must read and execute it: chmod 755 {path}")
    return path


def _find(runtime: str) -> str:
    """The path of the real runtime. Raises Failure."""
    own = posix.stat("/proc/self/exe")
    folders = (posix.environ.get(b"PATH") or DEFAULT_PATH.encode()).decode(errors="surrogateescape").split(":")
    is_path = "/" in runtime
    for wanted in (runtime,) if runtime else RUNTIMES:
        for path in [wanted] if is_path else [f"{folder}/{wanted}" for folder in folders if folder.startswith("/")]:
            try:
                found = posix.stat(path)
            except OSError:
                continue
            is_program = found.st_mode & system.S_IFMT == system.S_IFREG and posix.access(path, posix.X_OK)
            if is_program and (found.st_dev, found.st_ino) != (own.st_dev, own.st_ino):
                return path
    where = "is no program, or is pyinit itself" if is_path else "is not on PATH"
    raise Failure(f"the real runtime, {runtime or ' or '.join(RUNTIMES)}, {where}: name it in the settings (runtime=PATH)")


# --- the end -----------------------------------------------------------------------------------------------------------


def _become(path: str, call: "Call", mask: frozenset[int]) -> None:
    """execve(2), with the signals and the environment as they were given to us. Raises Failure."""
    for signum in system.IGNORED_BY_PYTHON:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    environment = system.environ()
    entries = getattr(environment, "entries", None) or [name + b"=" + value for name, value in environment.items()]
    words = [path.rpartition("/")[2], *call.words]
    try:
        libc.execute(system.encode(path), [system.encode(word) for word in words], entries)
    except OSError as error:
        raise Failure(f"the real runtime, {path}, cannot be executed: {posix.strerror(error.errno or 0)}") from None


def _tell(call: "Call", level: str, message: str, on_stderr: bool = True) -> None:
    """Say something as runc does: in the log, in the form that was asked for, and on stderr, which is the container's."""
    text = printable(f"{RUNTIME}: {message}")
    if call.log_format == "json":
        line = json_object({"level": level, "msg": text, "time": timestamp()})
    else:
        line = f"time={json_value(timestamp())} level={level} msg={json_value(text)}"
    if call.log:
        try:
            system.append_line(call.log, line.encode() + b"\n", create=True)
        except OSError:
            pass  # then stderr has to do
    if on_stderr:
        system.write_stderr(text.encode("utf-8", "backslashreplace") + b"\n")
