"""The house: which part of pyinit may import which, and no circle anywhere; nor more than eight files in its first room."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "pyinit"

#: From the ground up: a module may import those of its own layer and of those below. The longest name that fits counts.
LAYERS = (
    ("pyinit", "record"),
    ("kernel",),
    ("log", "page", "settings.config", "settings.words", "settings.platforms"),
    ("probe", "delivery"),
    ("settings", "probe.command"),
    ("life.actions", "life.lifecycle", "life.pre_stop", "life.rounds", "life.last_resort"),
    ("traffic", "health"),
    ("life", "status", "runtime"),
    ("above", "cli", "check", "rehearse"),
    ("__main__",),
)


def modules() -> dict[str, Path]:
    """All modules of pyinit by their names without `pyinit.`; its own is "pyinit"."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        words = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(words[:-1] if words[-1] == "__init__" else words) or "pyinit"] = path
    return found


MODULES = modules()


def imported_by(name: str) -> set[str]:
    """What a module imports of pyinit, late or for its types alone as well."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pyinit":
            module = (node.module or "").removeprefix("pyinit").removeprefix(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".removeprefix(".")
                found.add(inner if inner in MODULES else module or "pyinit")
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("pyinit.") for alias in node.names if alias.name.split(".")[0] == "pyinit"}
    return found - {name}


def layer(name: str) -> int:
    """The number of a module's layer."""
    fitting = {
        part: number for number, parts in enumerate(LAYERS) for part in parts if name == part or name.startswith(f"{part}.")
    }
    assert fitting, f"{name} has no layer"
    return fitting[max(fitting, key=len)]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_nothing_that_stands_above_it(name: str) -> None:
    assert {other for other in imported_by(name) if layer(other) > layer(name)} == set()


def test_no_module_imports_itself_through_others() -> None:
    below: dict[str, set[str]] = {name: imported_by(name) for name in MODULES}
    while free := [name for name, others in below.items() if not others & below.keys()]:
        for name in free:
            del below[name]
    assert below == {}


def test_eight_files_at_most_stand_in_the_first_room_and_each_folder_says_what_it_is() -> None:
    files = sorted(path.name for path in ROOT.iterdir() if path.is_file() and path.name != "py.typed")
    assert len(files) <= 8, files
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert (folder / "__init__.py").read_text().startswith('"""'), folder
