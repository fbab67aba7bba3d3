"""The build of the static binary: what is rehearsed in it asks nothing of the machine that builds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.forms import STATIC
from tests.namespace import ROOT

pytestmark = [pytest.mark.forms(STATIC), pytest.mark.usefixtures("pyinit")]  # where it can be built at all

#: By where it is asked: a file of pyinit's, a line in it, and what comes before that line; the call that is asked.
ASKED = {
    "at the start": ("cli.py", '    name = called.rpartition("/")[2]\n', "    __import__('posix').uname()\n", "posix.uname"),
    "in a stop, where all errors are passed over": (
        "life/supervise.py",
        "        is_first = request.is_stop and request.seen is None and not request.told\n",
        """\
        try:
            __import__("fcntl").fcntl(0, 1)
        except BaseException:
            pass
""",
        "fcntl.fcntl",
    ),
    "of a socket that is played": (
        "traffic/diag.py",
        "            self._socket.send(_request(family, states, extensions, program))\n",
        "            self._socket.getsockname()\n",
        "Socket.getsockname",
    ),
}


@pytest.mark.parametrize("where", ASKED)
def test_a_call_that_no_rehearsal_answers_ends_the_build_with_a_line_that_names_it(tmp_path: Path, where: str) -> None:
    name, line, before, call = ASKED[where]
    for part in ("pyinit", "docker/static"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "pyinit" / name
    text = changed.read_text()
    assert text.count(line) == 1
    changed.write_text(text.replace(line, before + line))
    at = changed.read_text()[: changed.read_text().index(call.rpartition(".")[2] + "(")].count("\n") + 1
    build = [str(tmp_path / "docker" / "static" / "build.sh"), "", str(tmp_path / "made")]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"build: rehearse.py: {call}() is asked of the machine that builds, by pyinit/{name}, line {at}; "
        "have Kernel, Socket or Poll answer it, or say in PURE why it is the same on every machine\n"
    )
    assert not (tmp_path / "made").exists()
