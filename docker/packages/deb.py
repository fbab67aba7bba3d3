"""Make the package for Debian, and for what is made of it.

    SOURCE_DATE_EPOCH=SECONDS python deb.py pyinit-linux-amd64 FOLDER

writes FOLDER/pyinit_VERSION_amd64.deb, by dpkg-deb. Beside the binary are its bill of materials and the licences, as release.sh
puts them there. The same files and time give the same bytes.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from textwrap import fill

import content

ZSH = "usr/share/zsh/vendor-completions"

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: {name}
Comment: The binary is linked statically. The licences of what is linked into it,
 of CPython, of the C library and of the compiler's, are in licences.txt.gz in
 this folder, in full.

Files: *
Copyright: {year} The authors of {name}
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
"""

CHANGES = """\
{name} ({version}) stable; urgency=medium

  * What changes for users is told in CHANGELOG.md.gz in this folder.

 -- {maintainer}  {date}
"""

#: What lintian is told beforehand.
OVERRIDES = """\
# It is for images that have nothing else in them, and is copied to them.
{name}: statically-linked-binary [usr/bin/{name}]
"""


def files(given: content.Source, epoch: int) -> dict[str, content.File]:
    """All files, with those that Debian wants."""
    made = datetime.fromtimestamp(epoch, timezone.utc)
    names = {"name": content.NAME, "version": content.version(), "maintainer": content.maintainer()}
    names |= {"date": format_datetime(made), "year": str(made.year)}
    return {
        **content.files(given, ZSH),
        f"{content.DOCUMENTS}/copyright": content.File(COPYRIGHT.format(**names).encode()),
        f"usr/share/lintian/overrides/{content.NAME}": content.File(OVERRIDES.format(**names).encode()),
        f"{content.DOCUMENTS}/changelog.gz": content.File(content.short(CHANGES.format(**names))),
    }


def control(given: content.Source, found: dict[str, content.File]) -> str:
    """What the package says of itself (deb-control(5))."""
    size = sum(-(-len(file.content) // 1024) for file in found.values()) + len(content.folders(found))
    built_using = ", ".join(f"{name} (= {version})" for name, version, _ in sorted(content.linked(given)))
    paragraphs = [fill(text, 78, initial_indent=" ", subsequent_indent=" ") for text in content.DESCRIPTION]
    fields = {
        "Package": content.NAME,
        "Version": content.version(),
        "Architecture": given.architecture,
        "Maintainer": content.maintainer(),
        "Installed-Size": size,
        "Section": "admin",
        "Priority": "optional",
        "Built-Using": built_using,
        "Description": "\n".join([content.SUMMARY, "\n .\n".join(paragraphs)]),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def lay_out(root: Path, found: dict[str, content.File], told: str, epoch: int) -> None:
    """Write the tree from which dpkg-deb makes the package."""
    sums = "".join(
        f"{hashlib.md5(file.content, usedforsecurity=False).hexdigest()}  {place}\n" for place, file in sorted(found.items())
    )
    all_files = {**found, "DEBIAN/control": content.File(told.encode()), "DEBIAN/md5sums": content.File(sums.encode())}
    for folder in content.folders(all_files):
        (root / folder).mkdir(mode=0o755)
    for place, file in all_files.items():
        (root / place).write_bytes(file.content)
        (root / place).chmod(file.mode)
    for path in (root, *root.rglob("*")):
        os.utime(path, (epoch, epoch))


def main() -> None:
    """Make the package of the binary that is named."""
    if len(sys.argv) != 3 or "SOURCE_DATE_EPOCH" not in os.environ:
        raise SystemExit("usage: SOURCE_DATE_EPOCH=SECONDS deb.py BINARY FOLDER")
    given, epoch = content.source(Path(sys.argv[1])), int(os.environ["SOURCE_DATE_EPOCH"])
    found = files(given, epoch)
    package = Path(sys.argv[2]) / f"{content.NAME}_{content.version()}_{given.architecture}.deb"
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        lay_out(root, found, control(given, found), epoch)
        # One thread: several give other bytes.
        words = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", str(root), str(package)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
