"""From the Dockerfile and the manifest to the program: stages, arguments, inherited settings, files, shells."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pyinit.check import bases, image, launch, script
from pyinit.check.chain import Subject, subjects
from pyinit.check.files import Files
from pyinit.check.image import Foreign, Found
from tests.check.checked import project
from tests.waiting import wait_until


def only(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, workload: str = "") -> Subject:
    """The one Dockerfile's subject, or that of a workload."""
    all_subjects = list(subjects(project(folder, files, monkeypatch)))
    if workload:
        return next(one for one in all_subjects if one.workload is not None and one.workload.name == workload)
    return next(one for one in all_subjects if one.workload is None)


def steps(subject: Subject) -> list[str]:
    """The chain as kinds and names: "script start.sh"."""
    return [f"{one.kind} {one.name}" for one in subject.launch.steps]


START = "#!/bin/sh\nexec gunicorn app:app\n"

TINI_IS_PYINIT = "FROM debian\nCOPY --from=pyinit /pyinit /usr/bin/tini\n"

CHAINS = {
    "exec form": ('FROM debian\nCMD ["app", "--x"]\n', ["program app"]),
    "shell form": ("FROM debian\nCMD app --x\n", ["shell sh", "program app"]),
    "entrypoint and cmd": ('FROM debian\nENTRYPOINT ["tini", "-s", "--"]\nCMD ["app"]\n', ["init tini", "program app"]),
    "shell-form entrypoint drops cmd": ('FROM debian\nENTRYPOINT app\nCMD ["--x"]\n', ["shell sh", "program app"]),
    "pyinit": (
        'FROM debian\nENTRYPOINT ["pyinit", "--pre-stop-delay", "5", "--"]\nCMD ["app"]\n',
        ["pyinit pyinit", "program app"],
    ),
    "pyinit -c": (
        'FROM debian\nSHELL ["pyinit", "-c"]\nENTRYPOINT ["pyinit", "--"]\nCMD app $X\n',
        ["pyinit pyinit", "shell sh", "program app"],
    ),
    "python -m pyinit": (
        'FROM python:3.12\nENTRYPOINT ["python3", "-m", "pyinit", "--"]\nCMD ["app"]\n',
        ["pyinit pyinit", "program app"],
    ),
    "pyinit in the place of tini": (
        'FROM debian\nCOPY --from=pyinit /pyinit /usr/bin/tini\nENTRYPOINT ["/usr/bin/tini", "-g", "--", "app"]\n',
        ["pyinit tini", "program app"],
    ),
    "a link to it": (
        TINI_IS_PYINIT + 'RUN ln -s tini /usr/bin/dumb-init\nENTRYPOINT ["/usr/bin/dumb-init", "app"]\n',
        ["pyinit dumb-init", "program app"],
    ),
    "script": ('FROM debian\nCOPY start.sh /bin/go\nCMD ["/bin/go"]\n', ["script go", "program gunicorn"]),
    "script by PATH": (
        'FROM debian\nCOPY start.sh /usr/local/bin/\nCMD ["start.sh"]\n',
        ["script start.sh", "program gunicorn"],
    ),
    "script in the working folder": (
        'FROM debian\nWORKDIR /srv\nWORKDIR app\nCOPY . .\nCMD ["./start.sh"]\n',
        ["script start.sh", "program gunicorn"],
    ),
    "script named to a shell": (
        'FROM debian\nWORKDIR /app\nCOPY start.sh .\nCMD ["bash", "-e", "start.sh"]\n',
        ["script start.sh", "program gunicorn"],
    ),
    "script by wildcard": ('FROM debian\nCOPY *.sh /opt/\nCMD ["/opt/start.sh"]\n', ["script start.sh", "program gunicorn"]),
    "script of a stage": (
        'FROM alpine AS files\nCOPY start.sh /out/go\nFROM debian\nCOPY --from=files /out /opt\nCMD ["/opt/go"]\n',
        ["script go", "program gunicorn"],
    ),
    "script of another image": (
        'FROM debian\nCOPY --from=other /x/start.sh /start.sh\nCMD ["/start.sh"]\n',
        ["unknown start.sh"],
    ),
    "script that is not there": ('FROM debian\nCOPY missing.sh /\nCMD ["/missing.sh"]\n', ["unknown missing.sh"]),
    "inherited from a stage": (
        'FROM debian AS base\nENTRYPOINT ["tini", "--"]\nCMD ["one"]\nFROM base\nCMD ["two"]\n',
        ["init tini", "program two"],
    ),
    "entrypoint takes back an inherited cmd": (
        'FROM debian AS base\nCMD ["one"]\nFROM base\nENTRYPOINT ["two"]\n',
        ["program two"],
    ),
    "but not one of its own": ('FROM debian\nCMD ["one"]\nENTRYPOINT ["two"]\n', ["program two"]),
    "empty entrypoint": (
        'FROM debian AS base\nENTRYPOINT ["tini", "--"]\nFROM base\nENTRYPOINT []\nCMD ["app"]\n',
        ["program app"],
    ),
    "onbuild of a stage": ('FROM debian AS base\nONBUILD CMD ["npm", "start"]\nFROM base\n', ["wrapper npm"]),
    "argument in FROM": ("ARG TAG=alpine\nFROM nginx:${TAG}\n", ["program nginx"]),
    "known entrypoint that executes": ('FROM node:20\nCMD ["node", "a.js"]\n', ["program a.js"]),
    "gosu and env": ('FROM debian\nENTRYPOINT ["gosu", "app", "env", "A=1", "app"]\n', ["program app"]),
    "supervisor": ('FROM debian\nCMD ["/usr/bin/supervisord", "-n"]\n', ["supervisor supervisord"]),
    "variable as the program": ("FROM debian\nCMD $APP\n", ["shell sh", "unknown "]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_chain_is_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, expected = CHAINS[name]
    assert steps(only(tmp_path, {"Dockerfile": text, "start.sh": START}, monkeypatch)) == expected


def test_an_unknown_base_may_have_an_entrypoint_so_the_command_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = only(tmp_path, {"Dockerfile": "FROM example.org/base\nCMD app\n"}, monkeypatch)
    assert (subject.launch.steps, subject.launch.is_known, subject.launch.first) == ((), False, None)


MULTI = 'ARG BASE=debian\nFROM ${BASE} AS one\nCMD ["one"]\nFROM one AS two\nARG NAME=two\nENV RUNS=$NAME\nCMD ["two"]\n'


def test_compose_names_target_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = (
        "services:\n  a:\n    build: {context: ., target: one}\n"
        "  b:\n    build: {context: ., args: {NAME: three, BASE: alpine}}\n"
        "  c:\n    build: {context: ., target: nowhere}\n"
    )
    files = {"Dockerfile": MULTI, "compose.yaml": compose}
    assert steps(only(tmp_path, files, monkeypatch, workload="a")) == ["program one"]
    b = only(tmp_path, files, monkeypatch, workload="b")
    assert steps(b) == ["program two"]
    assert b.image is not None
    assert (b.image.shell, b.env["RUNS"].value) == (bases.BUSYBOX, "three")
    assert only(tmp_path, files, monkeypatch, workload="c").image is None


def test_a_manifest_may_replace_command_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = (
        'services:\n  a: {build: ., command: other --x}\n  b: {build: ., entrypoint: [sh, -c, "exec third"]}\n'
        "  c:\n    build: .\n    command: run $${X} ${Y}\n"
    )
    files = {"Dockerfile": 'FROM debian\nENTRYPOINT ["tini", "--"]\nCMD ["app"]\n', "compose.yaml": compose}
    assert steps(only(tmp_path, files, monkeypatch, workload="a")) == ["init tini", "program other"]
    assert steps(only(tmp_path, files, monkeypatch, workload="b")) == ["shell sh", "program third"], "and no CMD behind it"
    c = only(tmp_path, files, monkeypatch, workload="c")
    assert c.launch.steps[-1].words == ("run", "${X}", None)


def test_the_chain_of_a_finding_goes_from_the_image_to_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "Dockerfile": 'FROM debian\nCOPY start.sh /\nCMD ["/start.sh"]\n',
        "start.sh": START,
        "compose.yaml": "services:\n  shop:\n    build: .\n",
    }
    subject = only(tmp_path, files, monkeypatch, workload="shop")
    assert [str(place) for place in subject.chain] == ["Dockerfile:3", "start.sh:2", "compose.yaml:2"]


@pytest.mark.parametrize(
    ("where", "line", "name"),
    [
        ("Makefile", "image:\n\tdocker build -t example.org/shop:dev -f build/Dockerfile.prod .\n", "example.org/shop:1"),
        ("Makefile", "image:\n\tdocker buildx build --tag shop build\n", "shop"),
        ("compose.yaml", "services:\n  x:\n    image: example.org/shop\n    build: build\n", "example.org/shop:2"),
    ],
)
def test_an_image_is_found_by_what_builds_it(
    where: str, line: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    files = {"build/Dockerfile": "FROM debian\n", "build/Dockerfile.prod": "FROM debian\n", where: line}
    found = project(tmp_path, files, monkeypatch).dockerfile_of(name)
    assert found in ("build/Dockerfile", "build/Dockerfile.prod")
    assert (found == "build/Dockerfile.prod") == ("prod" in line)


def test_an_image_is_found_by_its_name_only_where_that_leaves_no_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a/shop/Dockerfile": "FROM debian\n", "cart.Dockerfile": "FROM debian\n", "b/cart/Dockerfile": "FROM debian\n"}
    made = project(tmp_path, files, monkeypatch)
    assert made.dockerfile_of("example.org/x/shop:3") == "a/shop/Dockerfile"
    assert made.dockerfile_of("cart") is None
    assert made.dockerfile_of("other") is None
    assert made.dockerfile_of("nginx") is None


def test_a_dockerfile_that_is_built_on_itself_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a.Dockerfile": "FROM b\nCMD x\n", "b.Dockerfile": "FROM a\nCMD y\n"}
    made = project(tmp_path, files, monkeypatch, {"a": "a.Dockerfile", "b": "b.Dockerfile"})
    assert len(list(subjects(made))) == 2


# --- files and tools ---


def test_the_last_copy_to_a_path_counts_and_says_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM debian\nCOPY one.sh /start.sh\nCOPY two.sh /start.sh\nCOPY --from=pyinit /pyinit /usr/bin/\n"
    subject = only(tmp_path, {"Dockerfile": text, "one.sh": "1", "two.sh": "2"}, monkeypatch)
    assert subject.image is not None
    found = image.locate(subject.image, "/start.sh", (".",), Files())
    assert isinstance(found, Found)
    assert (found.path, found.copy.line) == ("two.sh", 3)
    assert image.locate(subject.image, "pyinit", (".",), Files()) == Foreign("pyinit", "/pyinit")
    assert image.locate(subject.image, "/nowhere", (".",), Files()) is None


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("FROM debian:bookworm-slim\n", "curl", False),
        ("FROM debian:bookworm-slim\n", "sleep", True),
        ("FROM debian:bookworm-slim\nRUN apt-get install -y curl\n", "curl", True),
        ("FROM debian:bookworm-slim\nRUN ./install.sh\n", "curl", None),
        ("FROM debian:bookworm-slim\nCOPY --from=x /usr/local /usr/local\n", "curl", None),
        ("FROM debian:bookworm-slim\nCOPY curl /usr/bin/curl\n", "curl", True),
        ("FROM alpine\n", "wget", True),
        ("FROM alpine\n", "curl", False),
        ("FROM scratch\n", "sh", False),
        ("FROM gcr.io/distroless/static\n", "/bin/sh", False),
        ("FROM gcr.io/distroless/static:debug\n", "sh", None),
        ("FROM example.org/x\n", "curl", None),
        ("FROM python:3.12\n", "curl", True),
        ("FROM python:3.12-slim\n", "curl", False),
        ("FROM golang AS a\nFROM scratch\nCOPY --from=a /out/app /app\n", "sleep", False),
    ],
)
def test_a_tool_is_missing_only_where_that_is_sure(
    text: str, tool: str, expected: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only(tmp_path, {"Dockerfile": text}, monkeypatch).tool(tool) is expected


@pytest.mark.parametrize(
    ("reference", "shell", "signal"),
    [
        ("debian", bases.DASH, "TERM"),
        ("docker.io/library/nginx:1.27", bases.DASH, "QUIT"),
        ("nginx:alpine", bases.BUSYBOX, "QUIT"),
        ("php:8-fpm", bases.DASH, "QUIT"),
        ("php:8-apache", bases.DASH, "WINCH"),
        ("httpd:2.4", bases.DASH, "WINCH"),
        ("postgres:16-alpine@sha256:00", bases.BUSYBOX, "INT"),
        ("amazoncorretto:21", bases.BASH, "TERM"),
        ("rockylinux:9", bases.BASH, "TERM"),
        ("scratch", bases.NO_SHELL, "TERM"),
    ],
)
def test_public_bases_are_known(reference: str, shell: str, signal: str) -> None:
    base = bases.find(reference)
    assert base is not None
    assert (base.shell, base.stop_signal) == (shell, signal)


def test_other_images_are_not_known_by_the_end_of_their_names() -> None:
    for reference in ("example.org/nginx", "me/python:3", "ghcr.io/x/debian"):
        assert bases.find(reference) is None


# --- shells, beside the real ones ---

TEXTS = [
    "S",
    "true; S",
    "true && S",
    "false || S",
    "S >/dev/null",
    "X=1 S",
    "S | cat",
    "if true; then S; fi",
    "{ S; }",
    "trap : TERM; S",
    "exec S",
    "true; exec S",
    "cd / && exec S",
    "export A=1; S",
    "(S)",
]

SHELLS = {bases.DASH: ["dash"], bases.BASH: ["bash"], bases.BUSYBOX: ["busybox", "sh"]}


def stays(words: list[str], text: str) -> bool:
    """Whether a real shell stays in front of what it is given by -c."""
    number = "100017"
    started = subprocess.Popen([*words, "-c", text.replace("S", f"sleep {number}")], start_new_session=True)
    try:

        def sleeper() -> int | None:
            for name in os.listdir("/proc"):
                try:
                    line = Path(f"/proc/{name}/cmdline").read_bytes() if name.isdecimal() else b""
                    if line.split(b"\0")[:2] == [b"sleep", number.encode()] and os.getsid(int(name)) == started.pid:
                        return int(name)
                except OSError:
                    continue  # it has gone
            return None

        wait_until(lambda: sleeper() is not None, "the command")
        return sleeper() != started.pid
    finally:
        os.killpg(started.pid, 9)
        started.wait()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_whether_a_shell_stays_is_what_the_real_one_does(shell: str, text: str) -> None:
    words = SHELLS[shell]
    assert shutil.which(words[0]), "tests/prepare.sh installs it"
    parsed = script.parse("x", text.replace("S", "sleep 1000"))
    _, executes = launch._tail(parsed, (), None)  # noqa: SLF001 - what the chain goes by
    if executes is not True:
        executes = launch.stays_not(shell, parsed)
    if executes is not None:
        assert executes is not stays(words, text)
    else:
        assert shell == bases.BASH or text == "(S)", "only bash's versions differ"
