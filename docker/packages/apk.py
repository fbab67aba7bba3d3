"""Make the package for Alpine: format 2, which apk-tools 2 and 3 install.

    SOURCE_DATE_EPOCH=SECONDS python apk.py pyinit-linux-amd64 FOLDER

writes FOLDER/pyinit-VERSION-r0.x86_64.apk. It has no signature, so it wants `apk add --allow-untrusted`. Beside the binary are
its bill of materials and the licences, as release.sh puts them there. The same files and time give the same bytes.

The format (https://wiki.alpinelinux.org/wiki/Apk_spec): gzip streams, one behind the other, that together are one tar archive.
The first (of two: a signature would come before it) has the control files and no end-of-archive; the second has the files to be
installed, each with its SHA-1 in a PAX header. `.PKGINFO` has the SHA-256 of the second stream.
"""

import gzip
import hashlib
import os
import sys
import tarfile
from pathlib import Path

import content

ZSH = "usr/share/zsh/site-functions"

#: Alpine's names of architectures, by Debian's.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

#: Of how many bytes a tar archive consists.
BLOCK = tarfile.BLOCKSIZE


def entry(place: str, kind: bytes, mode: int, data: bytes, epoch: int) -> bytes:
    """The blocks of a file or folder, of root."""
    told = tarfile.TarInfo(place)
    told.type, told.mode, told.size, told.mtime = kind, mode, len(data), epoch
    told.uname = told.gname = "root"
    if kind == tarfile.REGTYPE and not place.startswith("."):
        told.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(data, usedforsecurity=False).hexdigest()}
    return told.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % BLOCK)


def data_stream(found: dict[str, content.File], epoch: int) -> bytes:
    """The second stream."""
    entries = {folder: entry(folder, tarfile.DIRTYPE, 0o755, b"", epoch) for folder in content.folders(found)}
    entries |= {place: entry(place, tarfile.REGTYPE, file.mode, file.content, epoch) for place, file in found.items()}
    archive = b"".join(entries[place] for place in sorted(entries)) + bytes(2 * BLOCK)
    return gzip.compress(archive, compresslevel=9, mtime=0)


def information(given: content.Source, found: dict[str, content.File], data: bytes, epoch: int) -> str:
    """The text of .PKGINFO."""
    fields = {
        "pkgname": content.NAME,
        "pkgver": f"{content.version()}-r0",
        "pkgdesc": content.SUMMARY,
        "builddate": epoch,
        "packager": content.maintainer(),
        "size": sum(len(file.content) for file in found.values()),
        "arch": ARCHITECTURES[given.architecture],
        "origin": content.NAME,
        "license": content.licence(given),
        "datahash": hashlib.sha256(data).hexdigest(),
    }
    return "".join(f"{name} = {value}\n" for name, value in fields.items())


def package(given: content.Source, epoch: int) -> bytes:
    """The bytes of the package."""
    found = content.files(given, ZSH)
    data = data_stream(found, epoch)
    told = information(given, found, data, epoch).encode()
    return gzip.compress(entry(".PKGINFO", tarfile.REGTYPE, 0o644, told, epoch), compresslevel=9, mtime=0) + data


def main() -> None:
    """Make the package of the binary that is named."""
    if len(sys.argv) != 3 or "SOURCE_DATE_EPOCH" not in os.environ:
        raise SystemExit("usage: SOURCE_DATE_EPOCH=SECONDS apk.py BINARY FOLDER")
    given, epoch = content.source(Path(sys.argv[1])), int(os.environ["SOURCE_DATE_EPOCH"])
    name = f"{content.NAME}-{content.version()}-r0.{ARCHITECTURES[given.architecture]}.apk"
    (Path(sys.argv[2]) / name).write_bytes(package(given, epoch))


if __name__ == "__main__":
    main()
