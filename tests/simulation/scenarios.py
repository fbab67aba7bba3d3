"""The scenarios of the tables."""

from dataclasses import replace
from itertools import product

from tests.simulation.traffic import HEARS, Scenario

ONE_LATE = "1.5 s, one 12 s"

#: Those that matter, for docs/delay.md.
MAIN = (
    Scenario("0 s", 10),
    Scenario("0.1 s", 20, known=0.15),
    Scenario("0.1 s", 20, known=0.15, closes=True),
    Scenario("1.5 s", 0.2),
    Scenario("1.5 s", 1),
    Scenario("1.5 s", 10),
    Scenario("1.5 s", 200),
    Scenario("1.5 s", 10, pooled=True),
    Scenario("1.5 s", 10, known=10),
    Scenario("1.5 s", 10, probe=10),
    Scenario("5 s", 10),
    Scenario("0 to 5 s", 10),
    Scenario(ONE_LATE, 1),
    Scenario(ONE_LATE, 3),
    Scenario(ONE_LATE, 10),
    Scenario(ONE_LATE, 10, pooled=True),
    Scenario(ONE_LATE, 10, evenly=True),
    Scenario(ONE_LATE, 3, closes=True),
    Scenario(ONE_LATE, 10, closes=True),
    Scenario(ONE_LATE, 50),
    Scenario("never", 10),
)

RATES = (0.2, 1, 3, 10, 50, 200)


def every() -> list[Scenario]:
    """Each number of routers with each rate, each delay and each kind of traffic; what disturbs, with a part of them."""
    found = [
        Scenario(hears, rate, routers, evenly, pooled)
        for routers, hears, rate, evenly, pooled in product((1, 3, 20), HEARS, RATES, (False, True), (False, True))
        if routers == 20 or hears != ONE_LATE
    ]
    for hears, rate, pooled in product(("1.5 s", ONE_LATE), RATES, (False, True)):
        plain = Scenario(hears, rate, pooled=pooled)
        found += [
            replace(plain, known=10),
            *([] if pooled else [replace(plain, closes=True)]),
            replace(plain, known=0.1),
            replace(plain, probe=10),
            replace(plain, probe=2),
        ]
    return found + [Scenario("0.1 s", 20, known=0.15, closes=closes) for closes in (False, True)]


#: For the choice of the constants: where requests may be lost, and what is paid where none would be.
RISKS = (*(Scenario(ONE_LATE, rate) for rate in (1, 3, 5, 10, 20)), Scenario(ONE_LATE, 10, pooled=True))
COSTS = (*(Scenario("1.5 s", rate) for rate in (1, 3, 5, 10, 50)), Scenario("1.5 s", 10, probe=10))
