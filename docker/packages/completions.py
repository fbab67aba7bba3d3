"""What completes pyinit's command line in bash, zsh and fish, from the table of options.

    python completions.py bash|zsh|fish

Each completes flags, and values where there are some to choose from, after a blank and after "="; and behind the options what
the shell completes for a command. None needs anything but its shell.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pyinit.kernel import signals
from pyinit.settings import help as texts
from pyinit.settings import options

#: What a target of --probe or --ready begins with, or is.
TARGETS = ("http://", "https://", "tcp:", "unix:/", "grpc:", "exec:", "file:/")
OF_PROBE, OF_READY = "pyinit", "notify"

#: Names of signals: all that people write.
SIGNALS = tuple(signals.name(number).removeprefix("SIG") for number in range(1, signals.signal.SIGSYS + 1))

#: What completes a value, apart from words: programs and files, as the shell has them.
PROGRAM, FILE = "program", "file"

MADE = "# Made by docker/packages/completions.py from pyinit/settings/options.py"


class Flag(NamedTuple):
    """A flag.

    `words` are values to choose from, and `how` is PROGRAM, FILE or "". `is_list` tells of several words with commas between
    them. `needs_value` tells whether a value must follow; `tool` is the flag of a tool with which it goes, "" for an option.
    """

    flag: str
    metavar: str
    help: str
    words: tuple[str, ...]
    how: str
    is_list: bool
    needs_value: bool
    tool: str = ""


def values(flag: str, metavar: str) -> tuple[tuple[str, ...], str, bool]:
    """What there is to choose from, by the name of a value: `words`, `how` and `is_list` of a Flag."""
    if metavar == "TARGET":
        return (*TARGETS, OF_READY if flag == "--ready" else OF_PROBE), "", False
    if metavar in ("COMMAND", "PATH"):
        return (), PROGRAM if metavar == "COMMAND" else FILE, False
    words = tuple(word for word in re.split(r"[|\[\],]+", metavar) if word.islower())
    return (*words, *(SIGNALS if "SIG" in metavar else ())), "", "[,SIG" in metavar


def short(text: str) -> str:
    """The first part of a help, for one line."""
    return re.split(r"[:;] | [(\[]", text.removeprefix("auto: "))[0]


def flags() -> list[Flag]:
    """All of them; those of a tool begin with the one that names it."""
    found = [
        Flag("--help", "", "show the options and leave", (), "", False, False, "--help"),
        Flag("--version", "", "show the version and leave", (), "", False, False, "--version"),
        Flag("-c", "STRING", "run a string as sh -c does", (), "", False, True),
    ]
    for flag, metavar, _, text in texts.OF_TOOLS:
        tool = "--probe" if flag.startswith("--probe") else flag
        found.append(Flag(flag, metavar, short(text or "the time limit"), *values(flag, metavar), bool(metavar), tool))
    found.append(Flag("--json", "", "tell programs", (), "", False, False, "--status"))
    for option in options.all_options():
        words, how, is_list = values(option.flag, option.metavar)
        good = tuple(word for word in words if word in TARGETS or is_taken(option, word))
        found.append(Flag(option.flag, option.metavar, short(option.help), good, how, is_list, option.implied is None))
    return found


def is_taken(option: options.Option, word: str) -> bool:
    """Whether an option takes this value: not every signal can be received, for one."""
    try:
        option.parse(word)
    except ValueError:
        return False
    return True


def first() -> list[Flag]:
    """Those that may be the first word."""
    return [flag for flag in flags() if flag.tool in ("", flag.flag)]


def beside(tool: str) -> list[Flag]:
    """Those that may follow the flag of a tool; with "" the options."""
    return [flag for flag in flags() if flag.tool == tool != flag.flag]


def joined(found: list[Flag]) -> str:
    """The flags alone."""
    return " ".join(flag.flag for flag in found)


# --- bash ----------------------------------------------------------------------------------------------------------------

BASH = r"""# bash completion for pyinit
{made}

_pyinit() {{
    local IFS=$' \t\n' line=$COMP_LINE words=() starts=() at word gap
    COMPREPLY=()

    # bash has cut the words at "=" and ":" (COMP_WORDBREAKS). Put them together again.
    for ((at = 0; at <= COMP_CWORD; at++)); do
        word=${{COMP_WORDS[at]}}
        gap=${{line%%"$word"*}}
        line=${{line:${{#gap}} + ${{#word}}}}
        if ((at > 0)) && [[ -n $word && -z $gap ]]; then
            words[${{#words[@]}} - 1]+=$word
        else
            words+=("$word")
            starts+=("$at")
        fi
    done

    # Where the command begins, and the flag whose value is wanted.
    local last=$((${{#words[@]}} - 1)) flag='' value='' before='' ended='' tail=${{COMP_WORDS[COMP_CWORD]}}
    local cur=${{words[last]}}
    for ((at = 1; at < last; at++)); do
        case ${{words[at]}} in
        --)
            ended=1
            ((at++))
            break
            ;;
        -c) # the string, and the arguments of the shell
            compopt -o default
            return
            ;;
        {takes})
            if ((++at == last)); then
                flag=${{words[at - 1]}}
                value=$cur
            fi
            ;;
        -*) ;;
        *)
            ended=1
            break
            ;;
        esac
    done

    if [[ -z $flag$ended && $cur == --*=* ]]; then
        flag=${{cur%%=*}}
        before=$flag=
        value=${{cur#*=}}
    fi
    case $flag in
    '')
        if [[ -n $ended || ($cur != -* && ${{words[1]}} != @(--probe|--status)*) ]]; then
            _pyinit_command
            return
        fi
        case $last:${{words[1]}} in
        1:*) _pyinit_words {first} -- ;;
{tools}
        *) _pyinit_words {options} -- ;;
        esac
        ;;
{values}
    esac
}}

# Complete with these words; what bash will not replace is taken off them.
_pyinit_words() {{
    local kept
    [[ $tail != [=:] ]] || tail=
    kept=${{cur%"$tail"}}
    for word; do
        if [[ $before$word == "$cur"* ]]; then
            word=$before$word
            COMPREPLY+=("${{word#"$kept"}}")
        fi
    done
    # What ends like this goes on.
    if ((${{#COMPREPLY[@]}} == 1)) && [[ ${{COMPREPLY[0]}} == *[:/=] ]]; then compopt -o nospace; fi
}}

# Complete a list of these words with commas between them.
_pyinit_list() {{
    before+=${{value%"${{value##*,}}"}}
    _pyinit_words "$@"
}}

# Complete with what compgen finds for these options: lines, which may have blanks in them.
_pyinit_found() {{
    local IFS=$'\n'
    compopt -o filenames
    # shellcheck disable=SC2046 # a word for each line
    _pyinit_words $(compgen "$@" -- "$value")
}}

# Complete the command and its arguments.
_pyinit_command() {{
    value=$cur
    if ((at == last)); then
        _pyinit_found -c
    elif declare -F _comp_command_offset >/dev/null; then # bash-completion 2.12 and later
        _comp_command_offset "${{starts[at]}}"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "${{starts[at]}}"
    else
        compopt -o default
    fi
}}

complete -F _pyinit pyinit
"""


def bash() -> str:
    """The file for bash: of the name `pyinit`, in a folder bash-completion/completions."""

    def act(flag: Flag) -> str:
        if flag.how:
            return f"_pyinit_found -{'c' if flag.how == PROGRAM else 'f'}"
        return f"_pyinit_{'list' if flag.is_list else 'words'} {' '.join(flag.words)}"

    return BASH.format(
        made=MADE,
        takes=" | ".join(flag.flag for flag in flags() if flag.needs_value and flag.flag != "-c"),
        first=joined(first()),
        options=joined(beside("")),
        tools="\n".join(f"        *:{tool}*) _pyinit_words {joined(beside(tool))} ;;" for tool in ("--probe", "--status")),
        values="\n".join(f"    {flag.flag}) {act(flag)} ;;" for flag in flags() if flag.words or flag.how),
    )


# --- zsh -----------------------------------------------------------------------------------------------------------------

ZSH = """\
#compdef pyinit
{made}

_pyinit_targets() {{
    compadd -S '' -- {targets}
    compadd -- $1
}}

_pyinit() {{
    local -a ending=('(-)1:command: _command_names -e' '*::arguments: _normal')

    if (( CURRENT == 2 )); then
        _arguments -S -A '-*' : \\
{first}
            $ending
        return
    fi
    case $words[2] in
{tools}
    *)
        _arguments -S -A '-*' : \\
{options}
            $ending
        ;;
    esac
}}

_pyinit "$@"
"""


def zsh() -> str:
    """The file for zsh: of the name `_pyinit`, in a folder of $fpath."""

    def spec(flag: Flag) -> str:
        """The words of _arguments."""
        if not flag.metavar:
            return f"{flag.flag}[{flag.help}]"
        if flag.metavar == "TARGET":
            (word,) = set(flag.words) - set(TARGETS)
            action = f" _pyinit_targets {word}"
        elif flag.is_list:
            action = f"_sequence compadd - {' '.join(flag.words)}"
        elif flag.how:
            action = "_command_names" if flag.how == PROGRAM else "_files"
        else:
            action = f"({' '.join(flag.words)})" if flag.words else " "
        message = re.sub(r"\W+", " ", flag.metavar).strip().lower()
        if flag.flag == "-c":
            return f"(- 1 *)-c[{flag.help}]:{message}: :*:argument:_default"
        # "=": the value follows there, or as the next word; "=-" and two colons: there, if at all.
        mark, colons = ("=", ":") if flag.needs_value else ("=-", "::")
        star = "" if flag.tool else "*"  # it may come again
        return f"{star}{flag.flag}{mark}[{flag.help}]{colons}{message}:{action}"

    def specs(found: list[Flag]) -> str:
        return "\n".join(f"            {shell_quoted(spec(flag))} \\" for flag in found)

    def of_tool(tool: str) -> str:
        itself = [flag for flag in flags() if flag.flag == tool]
        return f"    {tool}*)\n        _arguments -S : \\\n{specs([*itself, *beside(tool)])}\n            && return\n        ;;"

    return ZSH.format(
        made=MADE,
        targets=" ".join(TARGETS),
        first=specs(first()),
        tools="\n".join(map(of_tool, ("--probe", "--status"))),
        options=specs(beside("")),
    )


# --- fish ----------------------------------------------------------------------------------------------------------------

FISH = """\
# fish completion for pyinit
{made}

function __pyinit_at -d 'Whether the next word is one of these: first, options, command, --probe, --status'
    set -l words (commandline -opc)
    set -e words[1]
    # With the flag of a tool alone its value comes next.
    if not set -q words[1]; or contains -- "$words" --probe
        contains first $argv
        return
    end
    for tool in --probe --status
        if string match -q -- "$tool*" $words[1]
            contains -- $tool $argv
            return
        end
    end
    while set -q words[1]
        switch $words[1]
            case -c
                return 1
            case --
                contains command $argv
                return
            case {takes}
                set -e words[1]
            case '-*'
            case '*'
                contains command $argv
                return
        end
        set -e words[1]
    end
    contains options $argv
end

complete -c pyinit -f
complete -c pyinit -n '__pyinit_at first options command' -x -a '(__fish_complete_subcommand {takes})'
{flags}
"""


def fish() -> str:
    """The file for fish: of the name `pyinit.fish`, in a folder of $fish_complete_path."""

    def words(flag: Flag) -> Iterator[str]:
        where = {"": "first options", flag.flag: "first"}.get(flag.tool, flag.tool)
        yield f"complete -c pyinit -n '__pyinit_at {where}'"
        yield f"-s {flag.flag[1:]}" if flag.flag == "-c" else f"-l {flag.flag[2:]}"
        if flag.needs_value:
            yield "-r" if flag.how == FILE else "-x"
        if flag.how == PROGRAM:
            yield "-a '(__fish_complete_command)'"
        elif flag.is_list:
            yield f"-a '(__fish_append , {' '.join(flag.words)})'"
        elif flag.words:
            yield f"-a '{' '.join(flag.words)}'"
        yield "-d '" + flag.help.replace("\\", "\\\\").replace("'", "\\'") + "'"

    takes = " ".join(flag.flag for flag in flags() if flag.needs_value)
    return FISH.format(made=MADE, takes=takes, flags="\n".join(" ".join(words(flag)) for flag in flags()))


def shell_quoted(text: str) -> str:
    """A word of the shell that is this text."""
    return "'" + text.replace("'", "'\\''") + "'"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SHELLS:
        raise SystemExit("usage: completions.py bash|zsh|fish")
    sys.stdout.write(SHELLS[sys.argv[1]]())
