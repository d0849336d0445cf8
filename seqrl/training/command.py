"""Command lines: options from a typed dataclass, and errors in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import tyro

from seqrl.errors import InputError, nearest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended

# What tyro says -> how to say it.
PLAIN: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"no type matching INT could be instantiated from \['(.*)'\]\.": r"expected a whole number, not '\1'",
    r"no type matching FLOAT could be instantiated from \['(.*)'\]\.": r"expected a number, not '\1'",
    r"invalid literal for int\(\) with base 10: '(.*)'": r"expected a whole number, not '\1'",
    r"could not convert string to float: '(.*)'": r"expected a number, not '\1'",
    r"Could not find valid parse for arguments: \['(.*)'\]": r"can't take '\1'; between several values stand spaces",
    r"no type matching \{(\w+(?: \w+)+)(?:\|None)?\} could be instantiated from \[(.*)\]\.?": lambda found: (
        f"expected {len(found[1].split())} values, not {found[2].replace(',', '')}"
    ),
    r"^Missing from \S+: (.*) \(required\)$": r"missing: \1",
}


def again(script: str, *arguments: object) -> str:
    """A command to copy into the shell: this Python with a script of this project's and its arguments."""
    folder = os.path.dirname(sys.argv[0])
    if not os.path.isfile(os.path.join(folder, script)):  # it is called from somebody's own program
        folder = "scripts"
    words = [_from_here(sys.executable), os.path.join(folder, script), *map(str, arguments)]
    return shlex.join(words)


def resuming(folder: object) -> str:
    """The command that continues a run of the script that runs now."""
    return again(os.path.basename(sys.argv[0]), "--resume", folder)


def _from_here(path: str) -> str:
    """A path below the working directory as that, another one as it is."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def run(command: Callable[[Options], int], options: type[Options], arguments: Sequence[str] | None = None) -> int:
    """Parse `arguments` (default: of the process) into the dataclass `options`, call `command`, return the exit status.

    What a user can cause is one line on standard error and status 2; Ctrl-C is status 130.
    """
    try:
        status = command(parse(options, sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return status
    except InputError as error:
        return _fail(str(error))
    except BrokenPipeError:  # whoever read the output has enough, as in `... | head`
        _abandon_output()
        return 0
    except OSError as error:
        _abandon_output()
        return _fail(f"{error.filename or 'standard input or output'}: {error.strerror or error}")
    except MemoryError as error:
        return _fail(f"not enough memory ({error})")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def parse(options: type[Options], arguments: Sequence[str]) -> Options:
    """The options that `arguments` give. Raises InputError; `--help` prints the help and exits with status 0."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed, unknown = tyro.cli(
                tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone)(options),
                args=list(arguments),
                description=_description(options),
                return_unknown_args=True,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise InputError(_first_sentence(complaint.getvalue())) from None
    values = dict(_named(dataclasses.asdict(parsed)))
    if unknown and not unknown[0].startswith("-"):
        raise InputError(f"'{unknown[0]}' belongs to no option; --help lists them")
    if unknown:
        short = {"--" + "".join(word[:1] for word in name[2:].split("-")): name for name in values if "-" in name[2:]}
        hint = f" (did you mean '{short[unknown[0]]}'?)" if unknown[0] in short else nearest(unknown[0], values)
        raise InputError(f"unknown option '{unknown[0]}'{hint}; --help lists them")
    lists = {name: value for name, value in values.items() if isinstance(value, tuple)}
    for argument in filter(lists.__contains__, arguments):
        if not lists[argument]:  # such as of an unset variable of the shell
            raise InputError(f"{argument} is given without a value")
        if list(arguments).count(argument) > 1:  # the last one would win; of other options it may
            raise InputError(f"{argument} is given twice; expected all of its values after one")
    return parsed


def _named(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _named(value)
        else:
            yield f"--{name.replace('_', '-')}", value


def _description(options: type) -> str:
    return sys.modules[options.__module__].__doc__ or ""


def _first_sentence(box: str) -> str:
    """What a box of tyro's says under its title and above its next rule, in one line."""
    said: list[str] = []
    for line in box.splitlines()[1:]:
        text = line.strip("│╭╮╰╯ ")
        if text.strip("─-"):
            said.append(text)
        elif said:
            break
    sentence = " ".join(said).removeprefix("Error parsing ") or box.strip()
    for pattern, plain in PLAIN.items():
        sentence = re.sub(pattern, plain, sentence)
    return sentence


def _fail(message: str) -> int:
    program = os.path.basename(sys.argv[0])
    print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _abandon_output() -> None:
    """Send what is still in the buffer nowhere, or the interpreter would fail at it once more when it ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
