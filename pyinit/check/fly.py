"""PURE. fly.toml as workloads.

https://fly.io/docs/reference/configuration/
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from pyinit.check import times
from pyinit.check.model import FLY, At, Build, Place, Words, Workload
from pyinit.check.nodes import Unreadable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Seconds from the stop request to SIGKILL, and the signal, where the file does not say; and the most that it may say.
GRACE, SIGNAL, MOST = 5.0, "INT", 300.0


def document(text: str) -> dict[str, Any]:
    """The file as TOML. Raises Unreadable."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise Unreadable(f"this is no TOML: {error}", int(line[1]) if line else 1) from None
    except RecursionError:
        raise Unreadable("this is no TOML: it is too deep") from None


def place(path: str, text: str, key: str, section: str = "") -> Place:
    """Where a key stands; the first line where it stands nowhere."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            current = header[1]
        elif current == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            indent = len(line) - len(line.lstrip())
            return Place(path, number, indent + 1, len(line.rstrip()) + 1)
    return Place(path)


def workloads(path: str, text: str, found: dict[str, Any]) -> Iterator[Workload]:
    """One for each of the processes; or one for the image's own command."""
    stated = found.get("kill_timeout")
    seconds = float(stated) if isinstance(stated, (int, float)) else times.seconds(str(stated)) if stated is not None else GRACE
    where = place(path, text, "kill_timeout")
    signal = str(found.get("kill_signal", SIGNAL)).upper().removeprefix("SIG")
    build = found.get("build")
    build = build if isinstance(build, dict) else {}
    made = None
    if not build.get("image") and not build.get("builder") and not build.get("buildpacks"):
        folder = os.path.dirname(path)
        dockerfile = os.path.normpath(os.path.join(folder, str(build.get("dockerfile", "Dockerfile"))))
        args = build.get("args")
        known = {str(key): str(value) for key, value in args.items()} if isinstance(args, dict) else {}
        target = build.get("build-target")
        made = Build(
            folder or ".", dockerfile, str(target) if target else None, known, place(path, text, "dockerfile", "build")
        )
    image = build.get("image")
    env = found.get("env")
    variables: dict[str, At[str | None]] = {}
    for name, value in (env if isinstance(env, dict) else {}).items():
        variables[str(name)] = At(str(value), place(path, text, str(name), "env"))
    processes = found.get("processes")
    commands = processes if isinstance(processes, dict) and processes else {"app": None}
    for name, command in commands.items():
        here = place(path, text, str(name), "processes")
        yield Workload(
            FLY,
            str(name),
            here,
            At(str(image), place(path, text, "image", "build")) if image else None,
            made,
            None,
            Words(tuple(_words(command)), here) if isinstance(command, str) and command else None,
            variables,
            False,  # secrets are variables, too
            At(seconds, where) if seconds is not None else None,
            stated is not None,
            At(signal, place(path, text, "kill_signal")),
            None,
            None,
        )


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
