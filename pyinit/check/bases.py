"""PURE. What is known of public base images: their shell, their tools, and what they hand down. Other images are unknown.

Each row is from the image's own Dockerfile, in the repository that `source` names. `passes_on` says that its ENTRYPOINT ends in
`exec "$@"`, so that the command becomes PID 1.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

#: Shells that are /bin/sh: whether they stay in `sh -c` differs.
DASH, BASH, BUSYBOX, NO_SHELL = "dash", "bash", "busybox", "none"

#: What coreutils, or busybox, have in every image that has a shell.
TOOLS = frozenset("sh sleep cat echo test [ true false kill ls grep sed head tail touch rm".split())

#: What is there beyond: in busybox; and in the images of languages that are built on buildpack-deps.
OF_BUSYBOX = frozenset("wget nc ash pgrep pidof ps vi awk netstat killall pkill".split())
OF_BUILDPACK = frozenset("bash curl wget git pgrep ps pkill perl".split())
OF_BASH = frozenset({"bash"})


@dataclass(frozen=True)
class Base:
    """What is known of a base image. `tools` is None where it cannot be said what is not there.

    `entrypoint` and `command` are None where they are unknown, and `passes_on` says that the ENTRYPOINT executes the command.
    """

    shell: str | None = None
    tools: frozenset[str] | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    passes_on: bool = False
    stop_signal: str | None = None
    user: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    workdir: str | None = "/"


@dataclass(frozen=True)
class Row:
    """A row of the table: names of images (of Docker's library, or with their registry), and what all of them have."""

    names: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    shell: str = ""  # "" by the tag
    more_tools: frozenset[str] = frozenset()
    slim_tools: frozenset[str] = frozenset()
    workdir: str = "/"


ROWS = (
    Row(("debian", "ubuntu", "bitnami/minideb"), command=("bash",), shell=DASH, more_tools=OF_BASH, slim_tools=OF_BASH),
    Row(("buildpack-deps",), command=("bash",), shell=DASH, more_tools=OF_BUILDPACK),
    Row(("alpine", "busybox"), command=("sh",), shell=BUSYBOX),
    Row(
        (
            "fedora",
            "centos",
            "rockylinux",
            "almalinux",
            "oraclelinux",
            "amazonlinux",
            "public.ecr.aws/amazonlinux/amazonlinux",
            "registry.access.redhat.com/ubi8/ubi",
            "registry.access.redhat.com/ubi9/ubi",
            "registry.access.redhat.com/ubi8/ubi-minimal",
            "registry.access.redhat.com/ubi9/ubi-minimal",
            "registry.access.redhat.com/ubi8-minimal",
            "registry.access.redhat.com/ubi9-minimal",
        ),
        command=("bash",),
        shell=BASH,
        more_tools=OF_BASH | {"curl"},
        slim_tools=OF_BASH | {"curl"},
    ),
    Row(("python", "pypy"), command=("python3",), more_tools=OF_BUILDPACK, slim_tools=OF_BASH | {"python", "python3", "perl"}),
    Row(("ruby",), command=("irb",), more_tools=OF_BUILDPACK, slim_tools=OF_BASH | {"ruby", "perl"}),
    Row(("golang",), command=("bash",), more_tools=OF_BUILDPACK, workdir="/go"),
    Row(("rust",), command=("bash",), more_tools=OF_BUILDPACK, slim_tools=OF_BASH | {"perl"}),
    Row(("node",), ("docker-entrypoint.sh",), ("node",), more_tools=OF_BUILDPACK, slim_tools=OF_BASH | {"node", "perl"}),
    Row(
        ("eclipse-temurin",),
        ("/__cacert_entrypoint.sh",),
        (),
        more_tools=OF_BASH | {"curl", "wget", "java"},
    ),
    Row(("openjdk",), command=("jshell",), more_tools=OF_BUILDPACK | {"java"}, slim_tools=OF_BASH | {"java", "perl"}),
    Row(("amazoncorretto",), command=("jshell",), more_tools=OF_BASH | {"curl", "java"}),
    Row(
        ("mcr.microsoft.com/dotnet/aspnet", "mcr.microsoft.com/dotnet/runtime", "mcr.microsoft.com/dotnet/sdk"),
        more_tools=OF_BASH | {"dotnet"},
        slim_tools=OF_BASH | {"dotnet"},
    ),
    Row(
        ("nginx", "nginxinc/nginx-unprivileged"),
        ("/docker-entrypoint.sh",),
        ("nginx", "-g", "daemon off;"),
        "QUIT",
        more_tools=OF_BASH | {"curl"},
        slim_tools=OF_BASH,
    ),
    Row(("httpd",), command=("httpd-foreground",), stop_signal="WINCH", workdir="/usr/local/apache2"),
    Row(
        ("haproxy",),
        ("docker-entrypoint.sh",),
        ("haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"),
        "USR1",
        workdir="/var/lib/haproxy",
    ),
    Row(("postgres",), ("docker-entrypoint.sh",), ("postgres",), "INT"),
    Row(("redis",), ("docker-entrypoint.sh",), ("redis-server",), workdir="/data"),
    Row(("mysql",), ("docker-entrypoint.sh",), ("mysqld",)),
    Row(("mariadb",), ("docker-entrypoint.sh",), ("mariadbd",)),
)

BY_NAME = {name: row for row in ROWS for name in row.names}

#: Tags by which an image that is Debian's as a rule is Alpine's, or another's.
SUFFIXES = (("alpine", BUSYBOX), ("slim", DASH), ("bookworm", DASH), ("bullseye", DASH), ("buster", DASH), ("trixie", DASH))

#: What Google's distroless images, and others without a shell, are called.
WITHOUT_SHELL = re.compile(r"^gcr\.io/distroless/|^cgr\.dev/chainguard/static")


def split(reference: str) -> tuple[str, str]:
    """The name and the tag of an image: "docker.io/library/nginx:1.27@sha256:..." gives ("nginx", "1.27")."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    name = (head + slash + last).lower()
    for prefix in (
        "docker.io/library/",
        "index.docker.io/library/",
        "public.ecr.aws/docker/library/",
        "docker.io/",
        "library/",
    ):
        name = name.removeprefix(prefix)
    return name, tag


def find(reference: str) -> Base | None:
    """What is known of an image, or None."""
    name, tag = split(reference)
    if name == "scratch":
        return Base(NO_SHELL, frozenset(), (), (), stop_signal="TERM")
    if WITHOUT_SHELL.search(name):
        is_debug = "debug" in tag
        return Base(BUSYBOX if is_debug else NO_SHELL, None if is_debug else frozenset(), None, None, stop_signal="TERM")
    row = BY_NAME.get(name)
    if re.search(r"nanoserver|windowsservercore|windows|ltsc20", tag):
        return None
    if name == "php":
        return _of_php(tag)
    if row is None:
        return None
    shell = row.shell or next((shell for suffix, shell in SUFFIXES if suffix in tag), "")
    if not shell:
        shell = _default_shell(name, tag)
    tools: frozenset[str] | None = None
    if shell == BUSYBOX:
        tools = TOOLS | OF_BUSYBOX | row.slim_tools - OF_BASH - {"perl"} | ({"curl"} if name == "nginx" else frozenset())
        if row.more_tools and name == "eclipse-temurin":
            tools |= {"java", "bash"}
    elif row.more_tools:
        tools = TOOLS | (row.slim_tools if "slim" in tag else row.more_tools)
    entrypoint = row.entrypoint
    if name == "eclipse-temurin" and re.match(r"(8|11|17|20)[.u_-]", tag):
        entrypoint = row.entrypoint  # older ones had none; both end in the command
    return Base(shell or None, tools, entrypoint, row.command, bool(entrypoint), row.stop_signal, workdir=row.workdir)


def _default_shell(name: str, tag: str) -> str:
    """The shell of an image whose tag names no distribution."""
    if name == "amazoncorretto":
        return BASH
    if name == "openjdk":
        return BASH if re.match(r"(1[2-9]|2\d)\b", tag) else DASH  # Oracle Linux, from 12 on
    if name == "mysql":
        return BASH  # Oracle Linux
    if re.search(r"ubi|nanoserver|windows|oracle|centos|fedora|al20|amazonlinux", tag):
        return BASH if re.search(r"ubi|oracle|centos|fedora|al20|amazonlinux", tag) else ""
    return DASH


def _of_php(tag: str) -> Base:
    """The images of PHP differ by their tag in nearly everything."""
    shell = BUSYBOX if "alpine" in tag else DASH
    tools = TOOLS | {"curl", "php"} | (OF_BUSYBOX if shell == BUSYBOX else OF_BASH | {"perl"})
    kind = ("php", "-a"), "TERM"
    if "fpm" in tag:
        kind = ("php-fpm", ""), "QUIT"
    elif "apache" in tag:
        kind = ("apache2-foreground", ""), "WINCH"
    command = tuple(word for word in kind[0] if word)
    workdir = "/var/www/html" if re.search(r"fpm|apache", tag) else "/"
    return Base(shell, tools, ("docker-php-entrypoint",), command, True, kind[1], workdir=workdir)


def from_config(text: str) -> dict[str, Base]:
    """What `docker image inspect` prints, or an OCI image config: facts by name ("" where it has none). Raises ValueError."""
    found = json.loads(text)
    made: dict[str, Base] = {}
    for image in found if isinstance(found, list) else [found]:
        if not isinstance(image, dict):
            raise ValueError("this is neither the output of `docker image inspect` nor an image config")
        config = image.get("Config") or image.get("config")
        if not isinstance(config, dict):
            raise ValueError("this is neither the output of `docker image inspect` nor an image config")
        env = tuple((key, value) for key, _, value in (str(word).partition("=") for word in config.get("Env") or ()))
        base = Base(
            None,
            None,
            tuple(map(str, config.get("Entrypoint") or ())),
            tuple(map(str, config.get("Cmd") or ())),
            stop_signal=str(config.get("StopSignal") or "TERM").removeprefix("SIG"),
            user=str(config.get("User") or ""),
            env=env,
            workdir=str(config.get("WorkingDir") or "/"),
        )
        for name in image.get("RepoTags") or [""]:
            known = find(str(name)) if name else None
            made[str(name)] = replace(base, shell=known.shell, tools=known.tools, passes_on=known.passes_on) if known else base
    return made
