"""What pyinit adds to an image: the sizes of the examples and, from `docker history`, of its layer in each.

`python -m tests.docker.sizes` builds them and prints a Markdown table.
"""

import sys
from typing import NamedTuple

from docker import DockerClient

from tests.docker.engine import engine, image

#: The examples, and in each what pyinit's layer is made by.
EXAMPLES = {
    "pyinit": "/pyinit",
    "start-script": "/usr/local/bin/pyinit",
    "shell-form": "/usr/local/bin/pyinit",
    "exec-form": "/usr/local/bin/pyinit",
    "base": "/usr/local/bin/pyinit",
    "tini-base": "/usr/bin/tini",
    "python3-minimal": "/usr/local/lib/pyinit",
}


class Size(NamedTuple):
    """Bytes: of the image, and of those of its layers that are pyinit's; and how many layers these are."""

    image: int
    pyinit: int
    layers: int


def measure(client: DockerClient, name: str) -> Size:
    """The sizes of an example."""
    layers = [layer for layer in client.images.get(image(name)).history() if layer["Size"]]
    ours = [layer["Size"] for layer in layers if f" {EXAMPLES[name]} " in f"{layer['CreatedBy']} "]
    return Size(sum(layer["Size"] for layer in layers), sum(ours), len(ours))


def table(sizes: dict[str, Size]) -> str:
    """A Markdown table, one row per image."""
    rows = ["| image | size | of that pyinit | in layers |", "|---|---:|---:|---:|"]
    for name, size in sizes.items():
        rows.append(f"| {name} | {size.image / 1e6:.1f} MB | {size.pyinit / 1e6:.1f} MB | {size.layers} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    with engine() as client:
        sys.stdout.write(table({name: measure(client, name) for name in EXAMPLES}) + "\n")


if __name__ == "__main__":
    main()
