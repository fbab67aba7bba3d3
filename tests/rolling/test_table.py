"""The table, from made-up results."""

from pyinit.rehearse import outcome
from pyinit.rehearse.moments import Stop
from tests.rolling.results import RolloutResult
from tests.rolling.servers import SERVERS
from tests.rolling.table import COLUMNS, markdown


def rollout(
    init: str = "tini", lost: dict[str, int] | None = None, stops: tuple[tuple[float, int], ...] = (), seconds: float = 20.0
) -> RolloutResult:
    """A rollout of 1,000 requests; stops are stop times and exit statuses."""
    ends = tuple(Stop(f"r{n}", 100.0, 101.5, 100.0 + took, status) for n, (took, status) in enumerate(stops))
    names = ("uvicorn", "start.sh", init, "haproxy", "1.5 s")
    return RolloutResult(*names, 1, 100.0, 100.0 + seconds, 1000, lost or {}, ends)


def cells(*results: RolloutResult) -> list[dict[str, str]]:
    """The rows of the table, by the titles of its columns."""
    lines = [line for line in markdown(results).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_each_variant_has_one_row_in_the_order_of_their_first_rollouts() -> None:
    rows = cells(rollout("tini"), rollout("pyinit"), rollout("tini"))
    assert [(row["init"], row["rollouts"], row["requests"]) for row in rows] == [
        ("tini", "2", "2,000"),
        ("pyinit", "1", "1,000"),
    ]


def test_a_row_names_its_variant() -> None:
    assert list(cells(rollout())[0].values())[:5] == ["uvicorn", "start.sh", "tini", "haproxy", "1.5 s"]


def test_losses_are_added_up_by_kind_and_stand_out() -> None:
    (row,) = cells(rollout(lost={outcome.SERVER_ERROR: 2}), rollout(lost={outcome.REFUSED: 1, outcome.SERVER_ERROR: 10}))
    assert (row["lost"], row["by kind"]) == ("**13**", "refused 1, 5xx 12")


def test_no_loss_is_a_plain_zero() -> None:
    assert [(row["lost"], row["by kind"]) for row in cells(rollout())] == [("0", "")]


def test_times_are_those_of_all_rollouts_together() -> None:
    (row,) = cells(rollout(stops=((1.0, 0), (2.0, 0)), seconds=10), rollout(stops=((9.0, 0),), seconds=20))
    assert row["stop time, median / max, s"] == "2.0 / 9.0"
    assert row["rollout, median, s"] == "15.0"


def test_exit_statuses_are_counted_the_most_frequent_first() -> None:
    (row,) = cells(rollout(stops=((1.0, 137), (1.0, 0))), rollout(stops=((1.0, 0),)))
    assert row["exit statuses"] == "0 ×2, 137 ×1"  # noqa: RUF001 - a sign of times


def test_a_rollout_that_stopped_nothing_has_no_stop_time() -> None:
    assert cells(rollout())[0]["stop time, median / max, s"] == ""


def test_the_behaviour_of_each_server_stands_below_the_table_once() -> None:
    text = markdown([rollout("tini"), rollout("pyinit")])
    assert text.count(SERVERS["uvicorn"].graceful) == 1
    assert SERVERS["nginx"].graceful not in text


def test_all_rows_have_as_many_cells_as_there_are_columns() -> None:
    table = [line for line in markdown([rollout(), rollout("pyinit")]).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(COLUMNS) + 1}
