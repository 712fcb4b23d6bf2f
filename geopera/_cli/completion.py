"""``completion``: scripts for bash, zsh and fish, for a short name of this command."""

from __future__ import annotations

import argparse
import re
import shlex
import sys

from .errors import UsageError
from .explore import in_use

_COMMANDS = "ops describe call wait download upload manifest stubs login doctor completion sandbox"
_WITH_OPERATION = "describe call wait download"

_BASH = """\
{name}() {{ {command} "$@"; }}
_{name}_complete() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    elif [ "$COMP_CWORD" -eq 2 ] && [[ " {operands} " == *" ${{COMP_WORDS[1]}} "* ]]; then
        COMPREPLY=($(compgen -W "$({command} completion operations)" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -F _{name}_complete {name}
"""

_ZSH = """\
{name}() {{ {command} "$@" }}
_{name}_complete() {{
    if (( CURRENT == 2 )); then
        compadd -- {commands}
    elif (( CURRENT == 3 )) && [[ " {operands} " == *" ${{words[2]}} "* ]]; then
        compadd -- ${{(f)"$({command} completion operations)"}}
    else
        _files
    fi
}}
compdef _{name}_complete {name}
"""

_FISH = """\
function {name}; {command} $argv; end
complete -c {name} -n '__fish_use_subcommand' -f -a '{commands}'
complete -c {name} -n '__fish_seen_subcommand_from {operands}' -f -a '({command} completion operations)'
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "completion",
        help="a script that completes commands and operations in a shell",
        description='Print a script: eval "$(python -m geopera completion bash)" defines gp and its completion.',
    )
    command.add_argument("shell", choices=("bash", "zsh", "fish", "operations"), help="operations: their ids")
    command.add_argument("--name", default="gp", help="the name to define (default: %(default)s)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script, or the ids of the operations."""
    if args.shell == "operations":
        print("\n".join(sorted(in_use().operations)))
        return 0
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", args.name):
        raise UsageError("--name is a word of letters, digits, - and _")
    script = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[args.shell]
    command = f"{shlex.quote(sys.executable)} -m geopera"
    print(
        script.format(name=args.name, command=command, commands=_COMMANDS, operands=_WITH_OPERATION), end=""
    )
    return 0
