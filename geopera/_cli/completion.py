"""``completion``: scripts for bash, zsh and fish, for a short name of this command.

The scripts only know the protocol of their shell; `candidates` decides which words fit.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Mapping

from .errors import UsageError
from .explore import in_use

_BASH = """\
{name}() {{ {command} "$@"; }}
_{name}_complete() {{
    local IFS=$'\\n' word="${{COMP_WORDS[COMP_CWORD]}}"
    COMPREPLY=($(compgen -W "$({command} completion words -- "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null)" -- "$word"))
    if [[ ${{#COMPREPLY[@]}} -eq 1 && "${{COMPREPLY[0]}}" == *= ]] && type compopt &>/dev/null; then
        compopt -o nospace
    fi
}}
complete -o default -F _{name}_complete {name}
"""

_ZSH = """\
{name}() {{ {command} "$@" }}
_{name}_complete() {{
    local -a found
    found=(${{(f)"$({command} completion words -- "${{(@)words[2,$CURRENT]}}" 2>/dev/null)"}})
    if (( $#found )); then
        compadd -S '' -- ${{(M)found:#*=}}
        compadd -- ${{found:#*=}}
    else
        _files
    fi
}}
compdef _{name}_complete {name}
"""

_FISH = """\
function {name}; {command} $argv; end
function _{name}_complete
    set -l words (commandline -opc) (commandline -ct)
    {command} completion words -- $words[2..-1] 2>/dev/null
end
complete -c {name} -a '(_{name}_complete)'
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "completion",
        help="a script that completes commands, operations and fields in a shell",
        description='Print a script: eval "$(python -m geopera completion bash)" defines gp and its completion.',
    )
    command.add_argument(
        "shell", choices=("bash", "zsh", "fish", "words"), help="words: the candidates, for the scripts"
    )
    command.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    command.add_argument("--name", default="gp", help="the name to define (default: %(default)s)")
    command.set_defaults(run=run, parsers=commands.choices)


def run(args: argparse.Namespace) -> int:
    """Print the script, or the words that fit."""
    if args.shell == "words":
        print("\n".join(candidates(args.words, args.parsers)))
        return 0
    if args.words:
        raise UsageError(f"completion {args.shell} takes no further words")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", args.name):
        raise UsageError("--name is a word of letters, digits, - and _")
    script = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[args.shell]
    print(script.format(name=args.name, command=f"{shlex.quote(sys.executable)} -m geopera"), end="")
    return 0


def candidates(words: list[str], parsers: Mapping[str, argparse.ArgumentParser]) -> list[str]:
    """The words that can replace the last one; none if it may be a file."""
    from .._repl.operations import fields

    *before, word = words or [""]
    if not before:
        found = list(parsers)
    elif before[0] not in parsers:
        found = []
    elif word.startswith("-"):
        found = sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", parsers[before[0]].format_help())))
    elif re.search(r"(?m) operation\b", parsers[before[0]].format_usage()):
        manifest = in_use()
        if len(before) == 1:
            found = sorted(manifest.operations)
        else:
            operation = manifest.operations.get(before[1])
            given = {one.partition("=")[0] for one in before[2:]}
            several = operation is not None and before[0] != "describe" and not before[-1].startswith("--")
            names = [field.wire for field in fields(manifest, operation)] if operation and several else []
            found = [f"{name}=" for name in names if name not in given]
    else:
        found = (
            re.findall(r"(?m)^    ([a-z]+)  ", parsers[before[0]].format_help()) if len(before) == 1 else []
        )
    return [one for one in found if one.startswith(word)]
