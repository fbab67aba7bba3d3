"""What is handed to a container that rehearses where we cannot, and who is taken for whom."""

import socket
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from pyinit.rehearse import command, elsewhere, place
from pyinit.rehearse.command import OWNER
from pyinit.rehearse.faults import NO_VERDICT
from pyinit.rehearse.subject import KUBERNETES, Probe, Subject

SUBJECT = Subject(
    "shop:1.4",
    KUBERNETES,
    "web",
    ("tini", "--"),
    ("app",),
    {"A": "1"},
    (8000,),
    True,
    "SIGQUIT",
    20.0,
    {"Test": ["NONE"]},
    Probe("exec", command=("true",)),
    ("sleep", "3"),
    {"user": "5"},
    ("a note",),
)


@pytest.mark.parametrize("subject", [SUBJECT, replace(SUBJECT, probe=None, pre_stop=5.0, entrypoint=None), Subject("shop:1.4")])
def test_a_subject_is_handed_on_as_it_is(subject: Subject) -> None:
    assert elsewhere.read(elsewhere.as_json(subject)) == subject


def test_the_container_is_asked_for_the_same_as_we_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(elsewhere, "FOLDER", str(tmp_path))  # a folder that is there, as the image's is
    given = ["shop:1.4", "--as=nomad", "--port=80", "--rate=7.5", "--arms=as-is,tini", "--judge=tini", "--removal=1.5,12@25%"]
    ours = command.parse(
        [*given, "--env=A=1", "--volume=.:/x", "--rounds=2", "--slow=/slow", "--unit-begin=a b", "--unit-end=c"]
    )
    theirs = command.parse(elsewhere.words(ours, SUBJECT))
    for name in (*elsewhere.HANDED_ON, "arms", "subject"):
        assert getattr(theirs, name) == getattr(ours, name), name
    assert theirs.described.name == elsewhere.SUBJECT
    assert (theirs.env, theirs.volume, theirs.words) == ([], [], []), "what they say is in the subject"


@pytest.mark.parametrize(
    ("options", "host", "socket"),
    [
        (["name=seccomp,profile=builtin"], "", "/var/run/docker.sock"),
        (None, "unix:///home/me/.docker/desktop/docker.sock", "/var/run/docker.sock"),
        (["name=seccomp", "name=rootless"], "unix:///run/user/1000/docker.sock", "/run/user/1000/docker.sock"),
        (["name=rootless"], "tcp://other:2375", "/var/run/docker.sock"),
    ],
)
def test_the_socket_is_that_of_the_engines_own_machine(options: list[str] | None, host: str, socket: str) -> None:
    engine = Mock(info=lambda: {"SecurityOptions": options})
    assert elsewhere.socket_of(engine, host) == socket


def test_every_option_is_handed_on_or_told_by_something_else() -> None:
    told = {"subject", "env", "env_file", "volume", "words", "arms", "pyinit", "helper", "described", *command.REPORTS}
    assert set(vars(command.parse(["shop"]))) == {*elsewhere.HANDED_ON, *told}


def test_a_document_has_the_last_word_about_the_exit_status() -> None:
    assert elsewhere.status_of({"verdict": {"exit_status": 1}}, 0) == 1
    assert elsewhere.status_of(None, 2) == 2
    assert elsewhere.status_of(None, 137) == NO_VERDICT


def test_an_address_that_refuses_is_reachable() -> None:
    assert place.is_reachable("127.0.0.1")


def test_what_a_container_has_made_is_left_behind_when_the_container_does_not_run() -> None:
    labels = {**OWNER.labels(), f"{OWNER.label}.container": "c1", f"{OWNER.label}.host": "elsewhere", OWNER.label: "1"}
    assert not OWNER.is_stale(labels, {"c1", "c2"})
    assert OWNER.is_stale(labels, {"c2"})
    assert not OWNER.is_stale({**OWNER.labels(), f"{OWNER.label}.host": f"not-{socket.gethostname()}"}, {"c2"})
