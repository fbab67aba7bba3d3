"""For all tests: how long one may take, and what is said in the end of those that were skipped."""

import contextlib
from collections.abc import Generator, Iterator

import pytest
import pytest_timeout  # type: ignore[import-untyped]

#: Fixtures that build images, and seconds for that: who needs images builds them first, on a machine that has none.
BUILDERS = {"client", "images"}
PATIENCE = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first builds, and others wait for it."""
    for item in items:
        if isinstance(item, pytest.Function) and BUILDERS & set(item.fixturenames):
            item.add_marker(pytest.mark.timeout(PATIENCE))


# --- the time of a test ----------------------------------------------------------------------------------------------------
#
# pytest-timeout's own limit for setup, test and teardown together may strike while a report is written, which is nobody's test
# then, and ends the whole run. With timeout_func_only it holds for the test alone. So setup and teardown get theirs here: each
# of the three fails by itself, and the run goes on.


@contextlib.contextmanager
def limited(item: pytest.Item) -> Iterator[None]:
    """The time limit of a test, for a part of it."""
    settings = pytest_timeout._get_item_settings(item)  # noqa: SLF001 - there is no public way to ask
    if not settings.timeout:
        yield
        return
    item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
    try:
        yield
    finally:
        item.config.hook.pytest_timeout_cancel_timer(item=item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Fixtures."""
    with limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """... and their ends."""
    with limited(item):
        return (yield)


# --- what was skipped ------------------------------------------------------------------------------------------------------


def skipped(reports: "list[pytest.TestReport | pytest.CollectReport]") -> str:
    """How many were skipped, by the reason, which says how to have them; "" where none was."""
    counts: dict[str, int] = {}
    for report in reports:
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = " ".join(reason.removeprefix("Skipped: ").split())
        if reason.startswith("got empty parameter set for (form)"):
            reason = "not for the forms in TEST_FORMS: leave it out"
        counts[reason] = counts.get(reason, 0) + 1
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    return f"{sum(counts.values())} skipped: {'; '.join(f'{count} {reason}' for reason, count in most)}" if counts else ""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """One line, after everything else."""
    result = yield
    line = skipped(terminalreporter.stats.get("skipped", []))
    if line:
        terminalreporter.write_line(line, yellow=True)
    return result
