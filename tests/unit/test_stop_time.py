"""What time there is for a stop: given, told by the platform, or assumed; what a delay takes of it; what contradicts itself."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.kernel.system import Received
from pyinit.life.actions import NOTHING, STOPPING, Deliver, Finding, Say
from pyinit.life.lifecycle import Lifecycle
from pyinit.settings import platforms
from pyinit.settings.config import QUEUES_MAY_TAKE, TO_FINISH, Config, UsageError
from pyinit.settings.options import parse, read
from pyinit.settings.platforms import DOCKER, PLATFORMS, Platform

AUTO = "--pre-stop-delay=auto"

DOCKERS = (10.0, "Docker's 10 s are assumed")


def of(*words: str, **environ: str) -> Config:
    """The config of these options."""
    return parse([*words, "app"], environ).config


# --- the platform ----------------------------------------------------------------------------------------------------------


def test_the_table_is_in_order() -> None:
    names = [platform.name for platform in PLATFORMS]
    variables = [variable for platform in PLATFORMS for variable in platform.variables]
    assert len(set(names)) == len(names)
    assert len(set(variables)) == len(variables)
    for platform in (*PLATFORMS, DOCKER):
        assert platform.source.startswith("https://")
        assert 0 <= platform.seconds <= 30, "no platform is known to allow more where nobody has asked for it"


@pytest.mark.parametrize(
    ("platform", "variable"), [(platform, variable) for platform in PLATFORMS for variable in platform.variables]
)
def test_a_platform_is_recognised_by_each_of_its_variables(platform: Platform, variable: str) -> None:
    expected = (platform.seconds, f"{platform.name}'s {platform.seconds:g} s are assumed")
    assert of(AUTO, **{variable: "x"}).assumed == expected
    assert read([AUTO, "app"], {variable.encode(): b"x"}, {}).config.assumed == expected
    assert of(AUTO, **{variable: ""}).assumed == DOCKERS


def test_where_none_is_recognised_it_is_docker_s_time() -> None:
    assert of(AUTO).assumed == DOCKERS


def test_of_several_the_shortest_counts() -> None:
    for one, other in itertools.combinations(PLATFORMS, 2):
        found = of(AUTO, **{one.variables[0]: "x", other.variables[0]: "x"}).assumed
        assert found is not None
        assert found[0] == min(one.seconds, other.seconds)


@pytest.mark.parametrize(("text", "seconds"), [("20", 20), ("0", 0), ("3600", 3600)])
def test_where_a_variable_says_the_time_it_is_believed(text: str, seconds: float) -> None:
    environ = {"RAILWAY_SERVICE_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": text}
    assert of(AUTO, **environ).assumed == (seconds, f"RAILWAY_DEPLOYMENT_DRAINING_SECONDS says {text} s")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "\u0661", "9" * 400])
def test_where_it_says_nonsense_it_is_as_if_it_said_nothing(text: str) -> None:
    environ = {"RAILWAY_SERVICE_ID": "x", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": text}
    assert of(AUTO, **environ).assumed == (0, "Railway's 0 s are assumed")


def test_nobody_asks_where_there_is_no_delay_or_the_time_is_given() -> None:
    for words in ([], ["--pre-stop-delay=0"], [AUTO, "--stop-timeout=20"], [AUTO, "--stop-timeout=none"]):
        assert of(*words).assumed is None
    assert of("--pre-stop-delay=3").assumed == of(AUTO, "--stop-timeout=auto").assumed == DOCKERS


def test_without_a_limit_only_the_maximum_is_one() -> None:
    config = of(AUTO, "--stop-timeout=none", "--pre-stop-max=300")
    assert (config.longest_delay, config.limit_of_delay, config.assumption) == (300, "--pre-stop-max", "")


# --- what a delay takes of it ----------------------------------------------------------------------------------------------

SOME_TIMES = (0.0, 0.5, 1.0, 2.5, 5.0, 8.0, 9.5, 10.0, 20.0, 29.0, 30.0, 45.0, 60.0, 600.0)
TIMES = st.sampled_from(SOME_TIMES)
MAYBE = st.none() | TIMES
#: The variables of any platforms, several of them among it.
HERE = st.lists(st.sampled_from([variable for platform in PLATFORMS for variable in platform.variables]), max_size=2)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "PYINIT_PRE_STOP_MIN": TIMES,
        "PYINIT_PRE_STOP_MAX": TIMES,
        "PYINIT_PRE_STOP_QUIET": TIMES,
        "PYINIT_STOP_TIMEOUT": TIMES,
        "PYINIT_GRACE_PERIOD": TIMES.filter(bool),
        "PYINIT_SETTLE": TIMES,
        "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": st.integers(0, 100).map(float),
    },
)


def said_of_a_request(config: Config) -> Say:
    """What the log says of a stop request, once it is known that there is traffic to watch."""
    life = Lifecycle(config, 2, 0.0)
    life.on_signal(Received(15, 0, 0), 0.0)
    said = life.on_finding(Finding(NOTHING), 0.0)[0]
    assert isinstance(said, Say)
    return said


def told_at(life: Lifecycle) -> float:
    """When the stop signal goes out after a request at 0, with traffic without end and an accept queue that is never empty."""
    actions = life.on_signal(Received(15, 0, 0), 0.0)
    now = 0.0
    while not any(isinstance(action, Deliver) for action in actions):
        assert life.deadline is not None
        now = life.deadline
        actions = life.on_timeout(now)
    assert life.phase == STOPPING
    return now


@given(GIVEN, HERE)
def test_a_delay_of_auto_always_leaves_time_for_finishing_and_nobody_is_killed_by_an_assumption(
    times: dict[str, float], here: list[str]
) -> None:
    environ = {name: f"{time:g}" for name, time in times.items()} | dict.fromkeys(here, "x")
    try:
        parsed = parse([AUTO, "app"], environ)
    except UsageError:
        assert {"PYINIT_PRE_STOP_MIN", "PYINIT_STOP_TIMEOUT"} & times.keys(), "of what was given, some cannot be meant"
        return
    config = parsed.config
    there_is = times.get("PYINIT_STOP_TIMEOUT", platforms.assumed(environ.get)[0])
    life = Lifecycle(config, 2, 0.0)
    told = told_at(life)
    # Without any delay the wait for the accept queues is all that there is.
    assert told <= max(QUEUES_MAY_TAKE, there_is - there_is / TO_FINISH) or config.grace_period is not None
    if config.grace_period is not None and config.grace_period + QUEUES_MAY_TAKE < there_is:
        assert told <= max(QUEUES_MAY_TAKE, there_is - config.grace_period) + 1e-9
    assert told <= config.pre_stop_max + QUEUES_MAY_TAKE
    assert life.kill_at == (None if config.grace_period is None else told + config.grace_period)
    if config.stop_timeout is None and config.grace_period is None:
        assert life.deadline is None, "no time is known, so nothing more is due"
    # What nobody has given contradicts nothing.
    if "PYINIT_STOP_TIMEOUT" not in times:
        assert all("--stop-timeout" not in warning and "assumed" not in warning for warning in parsed.warnings)
    if not times.keys() & {"PYINIT_STOP_TIMEOUT", "PYINIT_PRE_STOP_QUIET", "PYINIT_SETTLE"}:
        assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("environ", "longest"),
    [({}, 5.7), ({"KUBERNETES_SERVICE_HOST": "x"}, 19.0), ({"FLY_APP_NAME": "x"}, 2.3), ({"RAILWAY_SERVICE_ID": "x"}, 0.0)],
)
def test_the_log_says_which_time_was_assumed_and_how_to_say_otherwise(environ: dict[str, str], longest: float) -> None:
    config = of(AUTO, **environ)
    assert round(config.longest_delay, 1) == longest
    assert config.assumed is not None
    said = said_of_a_request(config)
    assert said.level == "info"
    assert f"; {config.assumed[1]}: --stop-timeout)" in said.message
    assert said.fields["assumed"] == f"{config.assumed[1]}: --stop-timeout"
    assert config.limit_of_delay == f"{config.assumed[1]}: --stop-timeout"


def test_a_given_time_is_not_told_as_an_assumption() -> None:
    config = of(AUTO, "--stop-timeout=10")
    said = said_of_a_request(config)
    assert "assumed" not in said.message
    assert "assumed" not in said.fields
    assert config.limit_of_delay == "--stop-timeout"


def test_a_grace_period_for_which_there_is_no_time_does_not_take_the_delay_away() -> None:
    assert round(of(AUTO, "--grace-period=60").longest_delay, 1) == 5.7
    assert of(AUTO, "--grace-period=8").longest_delay == 1.0


@pytest.mark.parametrize("environ", [{}, {"KUBERNETES_SERVICE_HOST": "x"}, {"K_SERVICE": "x"}])
def test_an_assumed_time_tells_nobody_early(environ: dict[str, str]) -> None:
    """What was left to somebody above is told at two thirds of a time that was given, and of no other."""
    for words in ([AUTO], ["--pre-stop-delay=2"]):
        life = Lifecycle(of(*words, **environ), 2, 0.0)
        told_at(life)
        assert life.deadline is None
        life = Lifecycle(of(*words, "--stop-timeout=60", **environ), 2, 0.0)
        told_at(life)
        assert life.deadline is not None


# --- contradictions --------------------------------------------------------------------------------------------------------


def warned(*words: str, **environ: str) -> list[str]:
    """What is said of these options."""
    return list(parse([*words, "app"], environ).warnings)


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (
            "--grace-period=60 --stop-timeout=10",
            "--grace-period: 60 s are more than 10 s (--stop-timeout): SIGKILL comes first",
        ),
        (
            "--pre-stop-delay=5 --grace-period=20 --stop-timeout=25",
            (
                "--pre-stop-delay: 5 s, 1 s for the accept queues and 20 s of grace are more than 25 s (--stop-timeout): "
                "SIGKILL comes first"
            ),
        ),
        (
            "--pre-stop-delay=9 --stop-timeout=10",
            "--pre-stop-delay: 9 s and 1 s for the accept queues are all of 10 s (--stop-timeout): SIGKILL comes first",
        ),
        (
            "--pre-stop-delay=15",
            (
                "--pre-stop-delay: 15 s and 1 s for the accept queues leave no time for finishing: Docker's 10 s are assumed "
                "(--stop-timeout says what there is)"
            ),
        ),
        (
            "--pre-stop-delay=5 --grace-period=6",
            (
                "--pre-stop-delay: 5 s, 1 s for the accept queues and 6 s of grace leave no time for finishing: Docker's "
                "10 s are assumed (--stop-timeout says what there is)"
            ),
        ),
        (
            "--pre-stop=hook --pre-stop-timeout=30 --stop-timeout=20",
            (
                "--pre-stop-timeout: 30 s for the pre-stop command and 1 s for the accept queues are more than 20 s "
                "(--stop-timeout): SIGKILL comes first"
            ),
        ),
        (
            f"{AUTO} --pre-stop=hook --pre-stop-timeout=30 --stop-timeout=20",
            (
                "--pre-stop-timeout: 30 s for the pre-stop command and 1 s for the accept queues are more than 20 s "
                "(--stop-timeout): SIGKILL comes first"
            ),
        ),
        (
            f"{AUTO} --pre-stop-min=9 --stop-timeout=12",
            "--pre-stop-min: 9 s are above the longest delay, 7 s (--stop-timeout): it will always be the longest",
        ),
        (
            f"{AUTO} --pre-stop-max=60 --stop-timeout=30",
            "--pre-stop-max: 60 s are above the longest delay, 19 s (--stop-timeout): it will never be longer",
        ),
        (
            f"{AUTO} --pre-stop-quiet=8 --stop-timeout=12",
            "--pre-stop-quiet: 8 s are above the longest delay, 7 s (--stop-timeout): it will always be the longest",
        ),
        (
            f"{AUTO} --pre-stop-quiet=8 --pre-stop-max=4",
            "--pre-stop-quiet: 8 s are above the longest delay, 4 s (--pre-stop-max): it will always be the longest",
        ),
        ("--pre-stop-delay=5 --pre-stop-max=3", "--pre-stop-max: of no use with --pre-stop-delay 5: it is for a delay of auto"),
        (
            "--pre-stop=hook --pre-stop-until --pre-stop-delay=5 --pre-stop-timeout=3",
            "--pre-stop-timeout: of no use with --pre-stop-until: the delay is the time limit",
        ),
        (
            "--settle=5 --grace-period=5",
            "--settle: 5 s are not less than 5 s (--grace-period): those held back get SIGKILL before the signal",
        ),
        (
            "--settle=5 --stop-timeout=4",
            "--settle: 5 s are not less than 4 s (--stop-timeout): those held back get SIGKILL before the signal",
        ),
    ],
)
def test_what_was_given_and_contradicts_itself_is_told_once(words: str, warning: str) -> None:
    assert warned(*words.split()) == [warning]


def test_a_variable_is_named_as_it_was_given() -> None:
    environ = {"PYINIT_GRACE_PERIOD": "60", "PYINIT_STOP_TIMEOUT": "10"}
    assert warned(**environ) == ["PYINIT_GRACE_PERIOD: 60 s are more than 10 s (PYINIT_STOP_TIMEOUT): SIGKILL comes first"]


@pytest.mark.parametrize(
    "words",
    [
        "--grace-period=30 --stop-timeout=30",
        "--grace-period=60",
        "--pre-stop-delay=5",
        "--pre-stop-delay=5 --grace-period=20",  # who asks for that has more than the 10 s that are assumed
        "--pre-stop-delay=30 --stop-timeout=none --grace-period=600",
        "--pre-stop-delay=10 --grace-period=20 --stop-timeout=31",
        "--pre-stop=hook --stop-timeout=10",
        "--pre-stop=hook --pre-stop-timeout=30",
        f"{AUTO}",
        f"{AUTO} --stop-timeout=10",
        f"{AUTO} --pre-stop-min=15 --pre-stop-max=60 --pre-stop-quiet=30",
        f"{AUTO} --grace-period=60",
        "--settle=5 --grace-period=6 --stop-timeout=6",
        "--grace-period=0.5",
    ],
)
def test_what_can_be_meant_or_is_only_assumed_is_not_warned_of(words: str) -> None:
    assert warned(*words.split()) == []


def test_a_delay_that_does_not_fit_is_kept() -> None:
    config = of("--pre-stop-delay=15")
    assert told_at(Lifecycle(config, 2, 0.0)) == 15 + QUEUES_MAY_TAKE


@pytest.mark.parametrize("delay", [None, *SOME_TIMES])
def test_whatever_numbers_do_not_fit_into_a_given_time_are_told_in_one_line(delay: float | None) -> None:
    for timeout, grace in itertools.product([None, *SOME_TIMES], repeat=2):
        given = {"PYINIT_PRE_STOP_DELAY": delay, "PYINIT_STOP_TIMEOUT": timeout, "PYINIT_GRACE_PERIOD": grace}
        warnings = warned(**{name: f"{time:g}" for name, time in given.items() if time is not None})
        is_assumed = timeout is None and bool(delay)
        there_is = DOCKERS[0] if is_assumed else float("inf") if timeout is None else timeout
        # Who gives the command more time than is assumed has more; a delay that takes all of it alone is told all the same.
        counts = grace is not None and not (is_assumed and grace >= there_is)
        needed = (delay + QUEUES_MAY_TAKE if delay else 0) + (grace if grace is not None and counts else 0)
        no_time_is_left = bool(delay) and needed == there_is and not counts
        assert len(warnings) == (needed > there_is or no_time_is_left), given
