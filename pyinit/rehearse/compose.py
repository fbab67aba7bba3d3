"""PURE, but for reading it. A service of a compose file, as docs.docker.com/reference/compose-file/services has it."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyinit.rehearse import variables
from pyinit.rehearse.faults import UsageError
from pyinit.rehearse.subject import COMPOSE, SECOND, Subject
from pyinit.rehearse.yaml_files import documents, lines_of

#: Fields that are passed on to the engine as they are, by what the SDK calls them.
PASSED_ON = {
    "user": "user",
    "working_dir": "working_dir",
    "hostname": "hostname",
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "read_only": "read_only",
    "shm_size": "shm_size",
    "mem_limit": "mem_limit",
    "security_opt": "security_opt",
}

#: Fields that change nothing here, or that are read below.
READ = {
    *("image", "build", "entrypoint", "command", "environment", "env_file", "volumes", "ports", "expose", "init", "tmpfs"),
    *(
        "stop_signal",
        "stop_grace_period",
        "healthcheck",
        "restart",
        "container_name",
        "labels",
        "logging",
        "deploy",
        "profiles",
    ),
}

#: Durations are like 1m30s.
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


def read(path: Path, service: str) -> Subject:
    """A service of a compose file. Raises UsageError."""
    text = documents(path)
    values = {**_dot_env(path.with_name(".env")), **os.environ}
    services = (text[0] if text else {}).get("services") or {}
    if service not in services:
        raise UsageError(f"{path}: there is no service {service!r}; there are: {', '.join(services) or 'none'}")
    return of(_interpolated(services[service], values), service, path)


def _dot_env(path: Path) -> dict[str, str]:
    """The file .env beside a compose file."""
    if not path.is_file():
        return {}
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, is_there, value in lines if is_there}


def _interpolated(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return variables.replace(value, values)
    if isinstance(value, dict):
        return {key: _interpolated(one, values) for key, one in value.items()}
    return [_interpolated(one, values) for one in value] if isinstance(value, list) else value


def of(service: Mapping[str, Any], name: str, path: Path) -> Subject:
    """What the fields of a service mean. Raises UsageError."""
    image = service.get("image")
    if not image:
        raise UsageError(f"{path}: {name} has no image but is to be built: `docker compose build {name}`, and give its image")
    keywords: dict[str, Any] = {ours: service[theirs] for theirs, ours in PASSED_ON.items() if theirs in service}
    volumes, notes = _volumes(service, path, name)
    if volumes:
        keywords["volumes"] = volumes
    if service.get("tmpfs"):
        keywords["tmpfs"] = dict.fromkeys(_list(service["tmpfs"]), "")
    left = sorted(set(service) - READ - set(PASSED_ON))
    if left:
        notes.append(f"left out of {name}: {', '.join(left)}")
    grace = service.get("stop_grace_period")
    return Subject(
        image,
        COMPOSE,
        name,
        _words(service.get("entrypoint")),
        _words(service.get("command")),
        _environment(service, path),
        tuple(_ports(service)),
        bool(service.get("init")),
        str(service.get("stop_signal") or ""),
        None if grace is None else seconds(grace),
        _healthcheck(service.get("healthcheck")),
        keywords=keywords,
        notes=tuple(notes),
    )


def _words(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(shlex.split(value)) if isinstance(value, str) else tuple(map(str, value))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _environment(service: Mapping[str, Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _list(service.get("env_file") or []):
        name = entry["path"] if isinstance(entry, dict) else entry
        file = path.parent / name
        if not file.is_file() and isinstance(entry, dict) and entry.get("required") is False:
            continue
        found |= {key: value for key, is_there, value in (line.partition("=") for line in lines_of(file)) if is_there}
    given = service.get("environment") or {}
    pairs = given.items() if isinstance(given, dict) else (str(one).partition("=")[::2] for one in given if "=" in str(one))
    for name, value in pairs:
        found[name] = os.environ.get(name, "") if value is None else _text(value)
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ports(service: Mapping[str, Any]) -> list[int]:
    """The ports inside the container."""
    found = []
    for port in [*(service.get("ports") or []), *(service.get("expose") or [])]:
        target = port["target"] if isinstance(port, dict) else str(port).partition("/")[0].rpartition(":")[2]
        if str(target).isdecimal() and not str(port).endswith("/udp"):
            found.append(int(target))
    return found


def _volumes(service: Mapping[str, Any], path: Path, name: str) -> tuple[list[str], list[str]]:
    """Folders of the host, as `docker run` has them; and notes: named volumes are not touched, so new ones are used."""
    found, notes = [], []
    for volume in service.get("volumes") or []:
        if isinstance(volume, dict):
            kind, source, target = volume.get("type"), volume.get("source", ""), volume["target"]
            mode = "ro" if volume.get("read_only") else "rw"
        else:
            source, _, rest = str(volume).partition(":")
            target, _, mode = rest.partition(":")
            kind = "bind" if source.startswith((".", "/", "~")) and target else "volume"
            target, mode = target or source, mode or "rw"
        if kind == "bind":
            found.append(f"{(path.parent / Path(source).expanduser()).resolve()}:{target}:{mode}")
        else:
            found.append(target)
            notes.append(f"{name}: {target} is an empty volume here, for what runs elsewhere must not be touched")
    return found, notes


def _healthcheck(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A HEALTHCHECK in the words of the engine."""
    if value is None:
        return None
    test = value.get("test")
    if value.get("disable"):
        test = ["NONE"]
    words = ["CMD-SHELL", test] if isinstance(test, str) else list(test or [])
    found: dict[str, Any] = {"Test": words}
    for theirs, ours in (("timeout", "Timeout"), ("start_period", "StartPeriod")):
        if theirs in value:
            found[ours] = int(seconds(value[theirs]) * SECOND)
    if "retries" in value:
        found["Retries"] = int(value["retries"])
    return found


def seconds(text: object) -> float:
    """A duration like "1m30s". Raises UsageError."""
    match = DURATION.fullmatch(str(text))
    if not match or not str(text):
        raise UsageError(f"{text!r} is no duration; give one like 30s or 1m30s")
    hours, minutes, secs, millis = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + secs + millis / 1000
