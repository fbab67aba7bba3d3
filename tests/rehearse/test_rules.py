"""What pyinit-check's rules are told of an image, and which of their fixes a rehearsal proposes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyinit.check import bases, dockerfile
from pyinit.check.files import Files
from pyinit.rehearse import advice, outcome, rules
from pyinit.rehearse.rules import Content, Ruled
from pyinit.rehearse.subject import COMPOSE, KUBERNETES, Found, Subject, complete
from tests.rehearse.made import IN_SCRIPT, IN_TINI, case, trial

SCRIPT = {"/app/start.sh": '#!/bin/sh\nset -e\n"$@"\n'}


def image(
    entrypoint: Sequence[str] = (), command: Sequence[str] = (), subject: Subject | None = None, **further: Any
) -> tuple[Found, Mapping[str, Any]]:
    config = {"Entrypoint": list(entrypoint) or None, "Cmd": list(command) or None, "ExposedPorts": {"8000/tcp": {}}, **further}
    return complete(subject or Subject("shop:1.4"), {"Config": config, "Architecture": "amd64"}), config


def of(
    entrypoint: Sequence[str] = (), command: Sequence[str] = (), scripts: Mapping[str, str] | None = None, **further: Any
) -> dict[str, Ruled]:
    found, config = image(entrypoint, command, **further)
    return {one.rule: one for one in rules.findings(found, config, Content(scripts or {}, bases.DASH))}


def test_the_configuration_becomes_a_dockerfile_that_says_the_same() -> None:
    _, config = image(
        ("/app/start.sh",),
        ("gunicorn", "app"),
        Env=["PATH=/bin", 'QUOTED=a "b" $c \\d'],
        WorkingDir="/app",
        User="33",
        StopSignal="SIGQUIT",
        Healthcheck={"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 5 * 10**9},
    )
    text = rules.written(config, ["/app/start.sh"], ["gunicorn", "app"], SCRIPT)
    parsed = dockerfile.parse("Dockerfile", text)
    assert [one.name for one in parsed.instructions] == (
        ["FROM", "WORKDIR", "COPY", "ENV", "ENV", "EXPOSE", "USER", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"]
    )
    assert "HEALTHCHECK --interval=5s CMD curl -f localhost" in text
    found, _ = image(("/app/start.sh",), ("gunicorn", "app"))
    project = rules._of_image(found, config, Content(SCRIPT), Files(), found.entrypoint, found.command)  # noqa: SLF001
    built = project.image(rules.UNWRITTEN, None, {})
    assert built is not None
    assert {name: value.value for name, value in built.env.items()} == {"PATH": "/bin", "QUOTED": 'a "b" $c \\d'}
    assert (built.stop_signal, built.workdir, built.user and built.user.value) == ("QUIT", "/app", "33")


def test_the_shell_form_is_mended_as_its_dockerfile_has_it() -> None:
    found = of((), ("/bin/sh", "-c", "gunicorn app"))["PI101"]
    assert found.diff == ("-CMD gunicorn app", '+CMD ["gunicorn", "app"]')
    assert found.link.startswith("https://docs.docker.com/")


def test_a_start_script_of_the_image_is_read_and_mended_by_its_path() -> None:
    found = of(("tini", "--"), ("/app/start.sh", "gunicorn", "app"), SCRIPT)["PI201"]
    assert found.says.startswith("/app/start.sh:3: gunicorn is started without exec")
    assert found.diff == ("--- /app/start.sh", " set -e", '-"$@"', '+exec "$@"')
    assert of(("tini", "--"), ("/app/start.sh", "gunicorn", "app")) == {}, "a script that is not known is not judged"


def test_no_file_of_this_machine_is_taken_for_one_of_the_image(tmp_path: Path) -> None:
    own = tmp_path / "start.sh"
    own.write_text(SCRIPT["/app/start.sh"])
    assert of((str(own),), ("gunicorn", "app")) == {}


def test_where_the_signal_is_not_declared_it_is_added_before_the_command() -> None:
    assert of((), ("nginx", "-g", "daemon off;"))["PI104"].diff == ("+STOPSIGNAL SIGQUIT",)
    declared = of((), ("nginx", "-g", "daemon off;"), StopSignal="SIGTERM")["PI104"]
    assert declared.diff == ("-STOPSIGNAL SIGTERM", "+STOPSIGNAL SIGQUIT")


COMPOSE_FILE = """services:
  other:
    image: shop:1.4
    stop_grace_period: 0s
  web:
    image: shop:1.4
    command: ["gunicorn", "--graceful-timeout", "60", "app"]
    stop_grace_period: 20s
"""


def test_a_compose_file_is_read_with_the_image_and_only_the_service_counts(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE_FILE)
    web = Subject("shop:1.4", COMPOSE, "web", command=("gunicorn", "--graceful-timeout", "60", "app"), file=str(file))
    found, config = image((), ("python3",), web)
    ruled = rules.findings(found, config, Content())
    assert {one.rule for one in ruled} == {"PI303"}
    assert f"{file}:" in ruled[0].says
    killed = trial([outcome.CUT], took=20.1, status=137, killed=True)
    (change,) = advice.changes(replace(case(killed, image=found, orchestrator="compose", grace=20.0), ruled=ruled), None)
    assert change.rule == "PI303"
    assert re.search(r"stop_grace_period: 62s", change.says), "gunicorn's 60 s and 2 more"
    assert change.diff == ("-stop_grace_period: 20s", "+stop_grace_period: 62s")
    other, _ = image((), ("python3",), replace(web, command=("gunicorn", "--graceful-timeout", "5", "app")))
    assert rules.findings(other, config, Content()) == ()


def test_the_dockerfile_that_a_compose_file_builds_is_mended_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:bookworm\nEXPOSE 8000\nCMD gunicorn app\n")
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  web:\n    build: .\n    image: shop:1.4\n")
    found, config = image((), ("/bin/sh", "-c", "gunicorn app"), Subject("shop:1.4", COMPOSE, "web", file=str(file)))
    (one,) = [one for one in rules.findings(found, config, Content({}, bases.DASH)) if one.rule == "PI101"]
    assert one.diff == (f"--- {tmp_path}/Dockerfile", " EXPOSE 8000", "-CMD gunicorn app", '+CMD ["gunicorn", "app"]')


def test_a_manifest_without_readiness_gives_its_rule_to_the_check_that_a_run_has_shown_to_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  selector: {matchLabels: {app: shop}}\n"
        "  template:\n    metadata: {labels: {app: shop}}\n    spec:\n      containers:\n        - name: web\n"
        "          image: shop:1.4\n          ports: [{containerPort: 8000}]\n"
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: shop}, ports: [{port: 8000}]}\n"
    )
    found, config = image((), ("gunicorn", "app"), Subject("shop:1.4", KUBERNETES, "web", file=str(file)))
    ruled = rules.findings(found, config, Content())
    assert "PI403" in {one.rule for one in ruled}
    early = trial([outcome.EARLY])
    (change,) = advice.changes(replace(case(early, image=found, orchestrator="kubernetes"), ruled=ruled), None)
    assert (change.rule, change.diff[0]) == ("PI403", "+    readinessProbe:")


@pytest.mark.parametrize("helps", [True, False])
def test_a_rule_is_shown_where_a_run_has_shown_the_fault_that_it_is_behind(helps: bool) -> None:
    found, config = image(("tini", "--"), ("/app/start.sh", "gunicorn", "app"))
    ruled = rules.findings(found, config, Content(SCRIPT, bases.DASH))
    bad = replace(case(trial([outcome.REFUSED], who=IN_TINI, took=0.2, status=143), image=found), ruled=ruled)
    shown = advice.changes(bad, case(trial(arm="pyinit")) if helps else None)
    assert [change.rule for change in shown] == (["", "PI201"] if helps else ["PI201"])
    assert shown[-1].diff[-1] == '+exec "$@"'
    assert shown[-1].says.startswith("In the place of pyinit: ") == helps


def test_a_rule_that_nothing_seen_bears_out_is_not_shown() -> None:
    found, config = image((), ("/bin/sh", "-c", "gunicorn app"))
    ruled = rules.findings(found, config, Content({}, bases.DASH))
    assert {one.rule for one in ruled} == {"PI101"}
    assert advice.changes(replace(case(trial(), image=found), ruled=ruled), None) == []
    dropped = trial([outcome.CUT], who=IN_SCRIPT, took=10.1, status=137, killed=True)
    assert [one.rule for one in advice.changes(replace(case(dropped, image=found), ruled=ruled), None)] == ["PI101"]
