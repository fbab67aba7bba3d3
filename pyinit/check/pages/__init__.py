"""The pages of the rules, one table: for `--explain`, for docs/check.md, and for the tests."""

from __future__ import annotations

from pyinit.check.pages import image, network, orchestrator, own, scripts, stops
from pyinit.check.pages.rule import Rule

RULES: tuple[Rule, ...] = (*image.RULES, *scripts.RULES, *stops.RULES, *orchestrator.RULES, *network.RULES, *own.RULES)

BY_ID = {rule.id: rule for rule in RULES}
