"""The command lines of OCI runtimes, as engines write them."""

import pytest

from pyinit.runtime import calls
from pyinit.runtime.calls import Call

#: As containerd's shim, dockerd, conmon (Podman, CRI-O) and people call runc, crun and youki; bundle, log, and its form.
MAKING = [
    ("--root /r --log /l/log.json --log-format json create --bundle /b --pid-file /p ID", "/b", "/l/log.json", "json"),
    ("--log=/l --log-format=json --root=/r create --bundle=/b ID", "/b", "/l", "json"),
    ("--debug --systemd-cgroup --log /l create -b /b --console-socket /s ID", "/b", "/l", ""),
    ("--debug=true --log /l run --bundle /b ID", "/b", "/l", ""),
    ("-log /l create -bundle /b ID", "/b", "/l", ""),
    ("--cgroup-manager systemd --log-level warning create ID --bundle /b", "/b", "", ""),
    ("--cgroup-manager=systemd create -b/b ID", "/b", "", ""),
    ("-r /r -l /l -s create -b /b ID", "/b", "/l", ""),
    ("--rootless true --criu /c run --detach --keep --no-pivot --preserve-fds 3 ID", "", "", ""),
    ("create --pid-file --bundle --bundle /b ID", "/b", "", ""),
    ("create --bundle /a --bundle /b ID", "/b", "", ""),
    ("--newly-invented create create --bundle /b ID", "/b", "", ""),
    ("--newly-invented value create --bundle /b ID", "/b", "", ""),
    ("--newly-invented create --bundle /b ID", "/b", "", ""),
    ("create --bundle /b -- --bundle /c", "/b", "", ""),
    ("create -f other.json -b /b ID", "/b", "", ""),
]


@pytest.mark.parametrize(("line", "bundle", "log", "layout"), MAKING)
def test_what_makes_a_container_is_known_with_its_bundle_and_log(line: str, bundle: str, log: str, layout: str) -> None:
    call = calls.read(line.split())
    assert call.makes_container
    assert (call.bundle, call.log, call.log_format) == (bundle, log, layout)
    assert call.words == tuple(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--version",
        "-v",
        "--help",
        "features",
        "--root /r state ID",
        "--root create state ID",
        "--log create kill ID TERM",
        "--root /r exec --process /p --detach ID",
        "--root /r restore --bundle /b --image-path /i ID",
        "--root /r checkpoint --image-path /i ID",
        "--root /r delete --force ID",
        "kill create 9",
        "create --help",
        "run -h",
        "--root",
        "-- create ID",
    ],
)
def test_all_else_is_passed_on_as_it_is(line: str) -> None:
    call = calls.read(line.split())
    assert not call.makes_container
    assert call.words == tuple(line.split())


@pytest.mark.parametrize("words", [["--pyinit-config=/c"], ["--pyinit-config", "/c"]])
def test_our_own_option_goes_no_further(words: list[str]) -> None:
    call = calls.read(["--root", "/r", *words, "create", "--bundle", "/b", "ID"])
    assert call.settings == "/c"
    assert call.words == ("--root", "/r", "create", "--bundle", "/b", "ID")


@pytest.mark.parametrize(
    ("line", "is_debug"),
    [("--debug create ID", True), ("--debug=true create ID", True), ("--debug=false create ID", False), ("create ID", False)],
)
def test_whether_details_are_wanted(line: str, is_debug: bool) -> None:
    assert calls.read(line.split()).is_debug is is_debug


def test_the_name_of_the_file_can_be_another() -> None:
    assert calls.read(["create", "-f", "other.json", "ID"]).config == "other.json"
    assert calls.read(["create", "ID"]) == Call(("create", "ID"), "create")
