"""Keeper: what it remembers of the helper's reports, with real lines of them and no helper."""

from typing import cast

import pytest

from pyinit.health.doors import Doors
from pyinit.health.keeper import Keeper
from pyinit.health.readiness import Verdict
from pyinit.health.reports import to_bytes
from pyinit.life.lifecycle import Lifecycle
from pyinit.log import Log
from pyinit.page import Page, State
from pyinit.settings.options import parse
from pyinit.traffic import counters


class Reports:
    """Doors behind which nobody is: reports are put into them by the test."""

    def __init__(self) -> None:
        self.reports: list[Verdict] = []

    def read_reports(self) -> bytes:
        """All that was reported, once."""
        told, self.reports = self.reports, []
        return b"".join(map(to_bytes, told))


@pytest.mark.parametrize("delay", ["auto", "5"])
def test_the_life_whose_traffic_is_counted_begins_when_the_command_first_becomes_ready(delay: str) -> None:
    config = parse([f"--pre-stop-delay={delay}", "--ready=tcp:8000", "app"], {}).config
    doors, page = Reports(), Page(None, State(started_at=100.0))
    life = Lifecycle(config, 2, 100.0)
    keeper = Keeper(config, cast("Doors", doors), {}, frozenset(), "/", page, Log("error", "text"), life)
    keeper.end()  # no helper is started

    def hear(holds: bool, at: float) -> None:
        doors.reports.append(Verdict(holds, "told so"))
        keeper.turn(at)

    hear(False, 105.0)
    assert keeper.traffic_since is None
    hear(True, 160.0)
    first = keeper.traffic_since
    assert page.state.first_ready_at == 160.0
    if delay == "auto":
        assert first is not None
        assert first[0] == 160.0
        assert b"PassiveOpens" in first[1], "it is what the kernel has counted until then"
        assert counters.opened_in(first[1]) >= 0
    else:
        assert first is None, "nobody reads it"
    hear(False, 170.0)
    hear(True, 180.0)
    assert keeper.traffic_since == first
