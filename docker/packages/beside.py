"""What is installed beside the program: the manual page and the completions of the shells, by their places below a prefix.

    python beside.py FOLDER

writes them, as FOLDER/share/man/man1/pyinit.1 and so on.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import completions
import manual

MANUAL = "share/man/man1/pyinit.1"
BASH = "share/bash-completion/completions/pyinit"
ZSH = "share/zsh/site-functions/_pyinit"
FISH = "share/fish/vendor_completions.d/pyinit.fish"


def files() -> dict[str, str]:
    """The texts, by place."""
    made = {BASH: completions.bash, ZSH: completions.zsh, FISH: completions.fish}
    return {MANUAL: manual.manual(manual.date()), **{place: make() for place, make in made.items()}}


def write(folder: Path) -> dict[str, Path]:
    """Write them into a folder; where each is, by place."""
    found = {}
    for place, text in files().items():
        path = found[place] = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: beside.py FOLDER")
    write(Path(sys.argv[1]))
