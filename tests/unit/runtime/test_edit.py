"""What becomes of a config.json."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pyinit.runtime import edit
from pyinit.runtime.document import Malformed
from pyinit.runtime.edit import Edit
from pyinit.runtime.settings import Settings
from pyinit.settings import options
from pyinit.settings.config import UsageError

#: As runc and engines have it, as far as it is looked at; and what is not.
CONFIG: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/start.sh", "-v"],
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/",
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
    },
    "root": {"path": "rootfs", "readonly": True},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]},
    ],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}], "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}},
}

MOUNT = {"type": "bind", "source": "/usr/bin/pyinit", "options": ["bind", "ro", "nosuid", "nodev"]}


def check(variables: Mapping[str, str]) -> None:
    """As command.py does it."""
    options.parse(["--", "true"], variables)


def edited(config: object, node: Settings | None = None, host_namespace: str = "/proc/1/ns/pid") -> Edit:
    """A config.json as a value, or as its text, edited."""
    text = config if isinstance(config, str) else json.dumps(config)
    return edit.edit(text, node or Settings(), lambda: "/usr/bin/pyinit", check, lambda path: path == host_namespace)


def config(*places: tuple[str, Any]) -> dict[str, Any]:
    """CONFIG with other values at some places: "process.args"."""
    made = copy.deepcopy(CONFIG)
    for place, value in places:
        *above, name = place.split(".")
        owner = made
        for one in above:
            owner = owner[one]
        owner[name] = value
    return made


def changes(before: dict[str, Any], node: Settings | None = None) -> tuple[list[str], list[str], list[str]]:
    """The args, the env and the destinations of the mounts that come out; and nothing else has changed."""
    found = edited(before, node)
    assert found.text is not None, found.reason
    after = json.loads(found.text)
    args, env, mounts = after["process"]["args"], after["process"].get("env", []), after["mounts"]
    added = mounts[len(before.get("mounts", [])) :]
    assert all(mount == {"destination": mount["destination"], **MOUNT} for mount in added)
    after["process"]["args"] = before["process"]["args"]
    for owner, name, there in ((after["process"], "env", before["process"]), (after, "mounts", before)):
        if name in there:
            owner[name] = there[name]
        else:
            owner.pop(name, None)
    assert after == before
    return args, env, [mount["destination"] for mount in added]


def test_two_words_a_mount_and_nothing_else() -> None:
    assert changes(CONFIG) == (["/dev/pyinit", "--", "/start.sh", "-v"], CONFIG["process"]["env"], ["/dev/pyinit"])


def test_what_is_not_changed_stays_to_the_byte() -> None:
    text = """{ "x-vendor" :\t{"big": 12345678901234567890123, "f": 1.50e+3, "s": "\\u00e9\\/<\\u003e"},
      "process": {"args" : [ "/start.sh" ] , "cwd":"/", "nested": [[], {}]},
      "linux": {"namespaces": [ {"type": "pid"} ]}
    }\n\n"""
    mount = '"mounts":[{"destination": "/.pyinit", "type": "bind", "source": "/usr/bin/pyinit", '
    mount += '"options": ["bind", "ro", "nosuid", "nodev"]}],'
    expected = text.replace('[ "/start.sh"', '[ "/.pyinit","--","/start.sh"').replace("{ ", "{" + mount + " ", 1)
    found = edited(text)
    assert found == Edit(expected, "/.pyinit stands in front of /start.sh")


def test_variables_of_the_node_then_annotations_then_the_container_s_own() -> None:
    node = Settings(variables={"PYINIT_SETTLE": "1", "PYINIT_MAP_STATUS": "1:1", "PYINIT_LOG_LEVEL": "info"})
    before = config(
        ("annotations", {"pyinit/settle": "2", "pyinit/map-status": "2:2", "other": "x"}),
        ("process.env", ["A=1", "PYINIT_MAP_STATUS=3:3", "PYINIT_MAP_STATUS=4:4"]),
    )
    _, env, _ = changes(before, node)
    assert env == [*before["process"]["env"], "PYINIT_SETTLE=2", "PYINIT_LOG_LEVEL=info"]


def test_a_container_without_variables_gets_some() -> None:
    before = config()
    del before["process"]["env"]
    assert changes(before, Settings(variables={"PYINIT_SETTLE": "2"}))[1] == ["PYINIT_SETTLE=2"]


@pytest.mark.parametrize("value", ["exec:test \"a\\b\" = 'c' é\U0001f600"])
def test_a_value_comes_through_whatever_is_in_it(value: str) -> None:
    _, env, _ = changes(config(("annotations", {"pyinit/ready": value})))
    assert env[-1] == f"PYINIT_READY={value}"


@pytest.mark.parametrize("value", ["soon", "-1", "1\0"])
def test_a_value_that_is_no_good_is_told(value: str) -> None:
    with pytest.raises(UsageError, match="PYINIT_SETTLE: "):
        edited(config(("annotations", {"pyinit/settle": value})))


def test_values_that_make_no_sense_together_are_told() -> None:
    node = Settings(variables={"PYINIT_PRE_STOP_DELAY": "auto", "PYINIT_STOP_TIMEOUT": "30"})
    with pytest.raises(UsageError, match="PYINIT_GRACE_PERIOD: 40 s leave no time"):
        edited(config(("process.env", ["PYINIT_GRACE_PERIOD=40"])), node)


# --- where it is mounted ---


def mounted(*mounts: tuple[str, str]) -> str:
    """Where the binary comes to be with mounts of these destinations and types."""
    before = config(("mounts", [{"destination": destination, "type": kind, "source": "x"} for destination, kind in mounts]))
    (destination,) = changes(before)[2]
    return destination


@pytest.mark.parametrize(
    ("mounts", "destination"),
    [
        ([("/dev", "tmpfs")], "/dev/pyinit"),
        ([("/dev/", "tmpfs"), ("/dev/shm", "tmpfs")], "/dev/pyinit"),  # noqa: S108 - in a container
        ([("/dev", "tmpfs"), ("/dev", "bind")], "/.pyinit"),
        ([("/dev", "bind")], "/.pyinit"),
        ([], "/.pyinit"),
    ],
)
def test_it_is_where_the_runtime_can_make_a_file_and_nobody_keeps_it(mounts: list[tuple[str, str]], destination: str) -> None:
    assert mounted(*mounts) == destination


def test_a_place_that_is_taken_is_told() -> None:
    with pytest.raises(Malformed, match="something is mounted on /dev/pyinit already"):
        edited(config(("mounts", [*CONFIG["mounts"], {"destination": "/dev/pyinit", "source": "/x"}])))


# --- what has an init ---


@pytest.mark.parametrize("path", ["/usr/bin/tini", "/sbin/tini", "tini", "/dumb-init", "/sbin/docker-init", "/run/podman-init"])
def test_another_init_is_replaced_by_ours_under_its_name(path: str) -> None:
    name = path.rpartition("/")[2]
    args, _, mounts = changes(config(("process.args", [path, "-g", "--", "/start.sh"])))
    assert args == [f"/dev/{name}", "-g", "--", "/start.sh"]
    assert mounts == [f"/dev/{name}"]


def test_or_left_as_the_node_wants_it() -> None:
    found = edited(config(("process.args", ["/sbin/tini", "--", "/start.sh"])), Settings(inits="leave"))
    assert found == Edit(None, "left as it is: /sbin/tini is an init already (inits=leave)")


def test_pyinit_stays_and_gets_the_variables() -> None:
    before = config(("process.args", ["/pyinit", "--", "/start.sh"]))
    assert edited(before) == Edit(None, "left as it is: it has pyinit already")
    args, env, mounts = changes(before, Settings(variables={"PYINIT_SETTLE": "2"}))
    assert (args, env[-1], mounts) == (before["process"]["args"], "PYINIT_SETTLE=2", [])


LEFT = {
    "a sandbox of a pod": [
        config(("annotations", {"io.kubernetes.cri.container-type": "sandbox"})),
        config(("annotations", {"io.kubernetes.cri-o.ContainerType": "sandbox"})),
    ],
    "/pause holds a pod's namespaces": [config(("process.args", ["/pause"]))],
    "/catatonit holds a pod's namespaces": [config(("process.args", ["/catatonit", "-P"]))],
    "/sbin/init is an init that must be PID 1": [config(("process.args", ["/sbin/init"]))],
    "/lib/systemd/systemd is an init that must be PID 1": [config(("process.args", ["/lib/systemd/systemd", "--system"]))],
    "it is in the host's PID namespace": [
        config(("linux", {"namespaces": [{"type": "mount"}]})),
        config(("linux", {})),
        config(("linux.namespaces", [{"type": "pid", "path": "/proc/1/ns/pid"}])),
    ],
    "annotation pyinit/exclude": [
        config(("annotations", {"pyinit/exclude": "*"})),
        config(("annotations", {"pyinit/exclude": "log,app", "io.kubernetes.cri.container-name": "app"})),
        config(("annotations", {"pyinit/exclude": "app", "io.kubernetes.container.name": "app"})),
    ],
}


@pytest.mark.parametrize(("reason", "before"), [(reason, one) for reason, configs in LEFT.items() for one in configs])
def test_what_is_left_as_it_is_and_why(reason: str, before: dict[str, Any]) -> None:
    assert edited(before, Settings(variables={"PYINIT_SETTLE": "2"})) == Edit(None, f"left as it is: {reason}")


@pytest.mark.parametrize(
    "before",
    [
        config(("annotations", {"io.kubernetes.cri.container-type": "container"})),
        config(("annotations", {"pyinit/exclude": "log", "io.kubernetes.cri.container-name": "app"})),
        config(("process.args", ["/pause", "5"])),
        config(("linux.namespaces", [{"type": "pid", "path": "/proc/77/ns/pid"}])),
        config(("annotations", None)),
    ],
)
def test_what_is_not(before: dict[str, Any]) -> None:
    found = edited(before)
    assert found.text is not None
    assert json.loads(found.text)["process"]["args"][0] == "/dev/pyinit"


def test_names_of_containers_that_the_engine_does_not_tell_are_no_good() -> None:
    with pytest.raises(UsageError, match=r"pyinit/exclude: the engine does not say which container of 'app' this is"):
        edited(config(("annotations", {"pyinit/exclude": "app"})))


# --- what is no config.json ---


@pytest.mark.parametrize(
    ("before", "complaint"),
    [
        ("[]", "this is no object"),
        ("{}", "there is no process"),
        (config(("process", None)), "there is no process"),
        (config(("process.args", [])), "process.args is empty"),
        (config(("process.args", "/start.sh")), "process.args is no array of strings"),
        (config(("process.args", ["a", 1])), "process.args is no array of strings"),
        (config(("process.env", {})), "process.env is no array of strings"),
        (config(("mounts", [1])), "mounts is no array of objects"),
        (config(("mounts", {})), "mounts is no array of objects"),
        (config(("annotations", {"a": 1})), "annotations is no object of strings"),
        (config(("linux.namespaces", "pid")), "linux.namespaces is no array of objects"),
        (config(("Process", {})), "'process' stands there in upper and lower case"),
        (config(("process.Args", [])), "'args' stands there in upper and lower case"),
        (config(("Mounts", [])), "'mounts' stands there in upper and lower case"),
    ],
)
def test_what_is_no_config_is_refused(before: object, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        edited(before)
