"""What of the environment is read when PID 1 wakes in the static binary: all that options and platforms go by."""

from pyinit import cli
from pyinit.settings import drop_in, options, platforms


def is_read(name: str) -> bool:
    """Whether a variable is among those that are asked for then."""
    return name.encode().startswith(cli.OURS) or name in platforms.VARIABLES


def test_every_variable_of_an_option_is_read_when_pid_1_wakes() -> None:
    assert [option.variable for option in options.all_options() if not is_read(option.variable)] == []


def test_every_variable_of_the_programs_whose_names_we_take_is_read_when_pid_1_wakes() -> None:
    programs = {id(program): program for program in drop_in.PROGRAMS.values()}.values()
    names = [name for program in programs for name, _ in program.variables]
    assert "TINI_VERBOSITY" in names
    assert [name for name in names if not is_read(name)] == []


def test_whatever_tells_of_a_platform_is_read_when_pid_1_wakes() -> None:
    """It is asked for by a function, which may ask for more than the platforms' own variables."""
    asked: list[str] = []
    words = ["--pre-stop-delay=auto", "--", "true"]
    for platform in platforms.PLATFORMS:
        there = {platform.variables[0]: "x", platform.told_by: "20"}

        def get(name: str, there: dict[str, str] = there) -> str | None:
            asked.append(name)
            return there.get(name)

        options.parse(words, {}, None, get)
    assert options.OF_KUBERNETES in asked
    assert "RAILWAY_DEPLOYMENT_DRAINING_SECONDS" in asked
    assert [name for name in asked if not is_read(name)] == []
