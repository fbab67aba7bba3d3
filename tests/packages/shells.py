"""Real shells, and what they complete a line to."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import wait_until

#: readline inserts all completions at Esc *, and at Ctrl-T the line goes to a file. Nothing is asked, and nothing rings.
BASH = r"""
bind 'set bell-style none' 'set completion-query-items 0' 2>/dev/null
tell() { printf '%s\n' "$READLINE_LINE" >"$TOLD.new" && mv "$TOLD.new" "$TOLD"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\C-t": tell'
bind '"\C-y": insert-completions'
. "$COMPLETIONS"
echo shell-is-ready
"""

#: The same for zsh's line editor.
ZSH = r"""
fpath=(${COMPLETIONS:h} $fpath)
autoload -Uz compinit && compinit -D -u
zstyle ':completion:all:*' insert yes
zle -C all complete-word _generic
zstyle ':completion:all::::' completer _all_matches _complete
zstyle ':completion:all:*' old-matches no
bindkey '^Y' all
tell() { print -r -- "$BUFFER" >"$TOLD.new" && mv "$TOLD.new" "$TOLD"; BUFFER=; }
zle -N tell
bindkey '^T' tell
unsetopt list_beep beep
PS1=
print shell-is-ready
"""

COMMANDS = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH), "zsh": (["zsh", "-f", "-i"], ZSH)}


class Shell:
    """An interactive bash or zsh on a terminal, which has read a file of completions. A context manager."""

    def __init__(self, name: str, completions: Path, folder: Path, before: str = "") -> None:
        self.name = name
        self._told = folder / "told"
        self._shown = b""
        words, script = COMMANDS[name]
        start = folder / "start"
        start.write_text(before + script)
        environment = {**os.environ, "TERM": "dumb", "TOLD": str(self._told), "COMPLETIONS": str(completions)}
        environment |= {"HISTFILE": "/dev/null", "INPUTRC": "/dev/null", "COLUMNS": "4000"}
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        try:
            self._running = subprocess.Popen(
                words, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder, start_new_session=True
            )
        finally:
            os.close(slave)
        self._type(f". {start}\n")
        wait_until(lambda: b"shell-is-ready\r" in self.shown, f"{name} is ready")

    @property
    def shown(self) -> bytes:
        """All that it has shown."""
        with contextlib.suppress(BlockingIOError, OSError):
            while more := os.read(self._master, 1 << 16):
                self._shown += more
        return self._shown

    def _type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def line_after(self, line: str, key: str) -> str:
        """What a line is after a key: Tab, or Ctrl-Y, by which all completions are inserted."""
        self._told.unlink(missing_ok=True)
        self._type(f"{line}{key}\x14")

        def told() -> str | None:
            self._drain()
            return self._told.read_text() if self._told.exists() else None

        return wait_until(told, f"{line!r} is completed; shown: {self.shown[-500:]!r}").rstrip("\n")

    def _drain(self) -> None:
        _ = self.shown  # or it would wait for us to read

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        self._running.kill()
        self._running.wait()
        os.close(self._master)


def run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def fish(completions: Path, line: str) -> set[str]:
    """All that fish completes the last word of a line to."""
    script = 'source $argv[1]; complete -C "$argv[2]"'
    done = run(["fish", "--private", "-c", script, str(completions), line])
    assert done.stderr == ""
    return set(candidates(done.stdout))


def candidates(said: str) -> Iterator[str]:
    """The words, without what is told of each. A flag that may have a value comes twice, once with "="."""
    for line in said.splitlines():
        yield line.partition("\t")[0].removesuffix("=")
