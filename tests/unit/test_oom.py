"""The kernel's counters of processes that were killed because memory ran out: where they are, and what they say."""

from pathlib import Path

import pytest

from pyinit.kernel import system

V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
V2 = "low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 0\n"


@pytest.mark.parametrize(
    ("text", "kills"),
    [(V1, 3), (V2, 3), ("oom_kill_disable 0\nunder_oom 0\n", 0), ("oom_kill many\n", 0), ("", 0)],
    ids=["v1", "v2", "before Linux 4.13", "nonsense", "empty"],
)
def test_both_versions_of_cgroups_are_read(tmp_path: Path, text: str, kills: int) -> None:
    counter = tmp_path / "counter"
    counter.write_text(text)
    assert system.oom_kills(str(counter)) == (str(counter), kills)


def test_a_counter_that_is_gone_or_was_never_found_counts_nothing(tmp_path: Path) -> None:
    assert system.oom_kills(str(tmp_path / "gone")) == (str(tmp_path / "gone"), 0)
    assert system.oom_kills("") == ("", 0)


@pytest.mark.parametrize(
    ("cgroups", "files", "found"),
    [
        ("0::/\n", ["v2/memory.events"], "v2/memory.events"),
        ("0::/docker/x\n", ["v2/memory.events", "v2/docker/x/memory.events"], "v2/docker/x/memory.events"),
        ("0::/docker/x\n", ["v2/memory.events"], "v2/memory.events"),
        ("8:pids:/\n4:memory:/docker/x\n0::/\n", ["v1/memory.oom_control"], "v1/memory.oom_control"),
        ("4:memory:/a:b\n", ["v1/a:b/memory.oom_control"], "v1/a:b/memory.oom_control"),
        ("4:memory:/docker/x\n0::/\n", [], ""),
        ("", ["v2/memory.events"], ""),
        ("nonsense\n", ["v2/memory.events"], ""),
    ],
)
def test_the_counter_of_our_own_cgroup_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroups: str, files: list[str], found: str
) -> None:
    places = {b"": f"{tmp_path}/v2{{}}/memory.events", b"memory": f"{tmp_path}/v1{{}}/memory.oom_control"}
    monkeypatch.setattr(system, "OOM_COUNTERS", places)
    read = system.read_file
    monkeypatch.setattr(system, "read_file", lambda path: cgroups.encode() if path == "/proc/self/cgroup" else read(path))
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(V2)
    assert system.oom_kills() == ((f"{tmp_path}/{found}", 3) if found else ("", 0))
