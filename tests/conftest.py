"""For all tests: who needs images has to build them first, on a machine that has none, and is given the time."""

import pytest

#: Fixtures that build images, and seconds for that and the test together.
BUILDERS = {"client", "images"}
PATIENCE = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first builds, and others wait for it."""
    for item in items:
        if isinstance(item, pytest.Function) and BUILDERS & set(item.fixturenames):
            item.add_marker(pytest.mark.timeout(PATIENCE))
