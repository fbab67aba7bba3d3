"""PURE. The manual of pyinit-check, docs/check.md: this prints it, from the options and the pages of the rules.

python3 -m pyinit.check.manual > docs/check.md
"""

from __future__ import annotations

import argparse
import sys

from pyinit import __version__
from pyinit.check.pages import BY_ID, RULES
from pyinit.check.pages.rule import page

HEAD = """\
<!-- printed by: python3 -m pyinit.check.manual -->
# pyinit-check: what will go wrong at the next rollout, read from the files

`pyinit-check` reads Dockerfiles, start scripts and manifests together. It follows the chain from the manifest to the image,
from the image to its Dockerfile, from there to the start script, and from that to the program and its options. It adds up the
times of a stop. Nothing is executed, nothing is fetched. What cannot be known from the files is unknown, and never a finding.

```console
$ pip install './pyinit-{version}-py3-none-any.whl[check]'    # of a release; or '.[check]' in a checkout
$ pyinit-check                                             # this folder
$ helm template shop ./chart | pyinit-check -              # what Helm makes of a chart
$ pyinit-check --explain PI301                             # why, a bad example, a good one, the source
```

A finding shows the place, the sum where there is one, the chain, and how to mend it:

```
{sample}```

## What is read

| file | by its name or text |
|---|---|
| Dockerfiles | `Dockerfile`, `Dockerfile.*`, `*.Dockerfile`, `Containerfile`; the last stage, and named targets |
| Compose files, stacks | `compose*.y*ml`, `docker-compose*.y*ml`, `stack*.y*ml` |
| Kubernetes | YAML with `apiVersion` and `kind`; templates that Helm has not filled in yet are left out |
| ECS task definitions | JSON with `containerDefinitions` |
| Nomad | `*.nomad`, `*.nomad.hcl` |
| Quadlet | `*.container` |
| Fly | `fly.toml` |
| shell scripts | those that an image starts, and those that are named on the command line |

Which Dockerfile builds an image is known from Compose (`build` and `image`), from `docker build -t NAME -f FILE FOLDER` in a
Makefile or in a comment of the Dockerfile, from the name where that leaves no choice (`shop.Dockerfile`, `shop/Dockerfile`),
and from the configuration. What a base image hands down is known for the public images of pyinit/check/bases.py, and for all
others by `--base-image-config FILE` (what `docker image inspect` has printed) or `--base-image-config docker` (asks the local
engine, pulls nothing).

## Ignoring

A comment ignores a finding in the next statement, or in its own line. A reason belongs to it:

```yaml
# pyinit: ignore=PI301 # the last 5 s are for the metrics only
terminationGracePeriodSeconds: 45
```

`# pyinit: global ignore=PI107,PI403` is for the whole file. A comment that ignores nothing is found itself (PI901). What is
ignored is left out of all outputs, SARIF among them.

## Configuration

`[tool.pyinit-check]` of pyproject.toml, or `.pyinit-check.toml` with the same keys at the top:

```toml
[tool.pyinit-check]
ignore = ["PI107"]
exclude = ["tests/fixtures"]
fail-on = "warning"
base-image-config = ["ci/bases.json"]

[tool.pyinit-check.images]
"registry.example.org/shop" = "docker/Dockerfile"
```

## In CI

As a [pre-commit](https://pre-commit.com) hook, `id: pyinit-check`; as a step of GitHub Actions, whose results appear in the
pull request:

```yaml
- uses: OWNER/pyinit@REVISION
  with:
    paths: .
```

For other services `--output-format gitlab` (code quality), `junit`, `sarif` and `json`. The image is made by `docker build -t
pyinit-check -f docker/check/Dockerfile .`: `docker run --rm -v "$PWD:/src:ro" pyinit-check`.

Exit status: 0 nothing found, 1 findings at or above `--fail-on`, 2 wrong use.

## Options

```
{options}```

## Rules

E is an error, W a warning, I an information; * is mended by `--fix`, ~ by `--fix --unsafe-fixes`.

| rule | | what |
|---|---|---|
{table}
"""


def options() -> str:
    """What --help prints, in a fixed width."""
    from pyinit.check.cli import parser

    made = parser()
    made.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    return made.format_help()


def table() -> str:
    """A row for each rule."""
    marks = {"safe": "*", "unsafe": "~", "": ""}
    return "\n".join(f"| {rule.id} | {rule.severity[0].upper()}{marks[rule.fix]} | {rule.title} |" for rule in RULES)


def sample() -> str:
    """What is printed of PI301's bad example."""
    from pyinit.check import check, sources
    from pyinit.check.files import Files
    from pyinit.check.output import text

    files = BY_ID["PI301"].bad
    found, _ = check.findings_of(sources.project_of(list(files), Files(given=dict(files)), {}), frozenset({"PI301"}))
    return "".join(f"{line.plain}\n" for finding in found for line in text.lines(finding, files))


def manual() -> str:
    """The whole page."""
    head = HEAD.replace("{options}", options()).replace("{table}", table())
    head = head.replace("{sample}", sample()).replace("{version}", __version__)
    return head + "\n" + "\n".join(page(rule) for rule in RULES)


if __name__ == "__main__":
    sys.stdout.write(manual())
