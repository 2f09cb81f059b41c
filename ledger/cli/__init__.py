"""What is there to type? The command `claims`: every command by name, its code imported only when it is run.

Data goes to stdout, talk to stderr, and nothing that others wrote reaches a terminal unescaped. Every command ends
with 0, or with the `exit_code` of its error (`ledger.errors`): 1 failure, 2 usage, 3 not found, 4 a rule forbids it,
5 conflict, 6 invalid event, 7 integrity; 130 where it was interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

import click

#: Section -> command -> (module of this package, one line of help). `claims --help` reads nothing else.
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Begin": {
        "demo": ("demo", "Tell the seed article: a ledger, replayed and explained."),
        "init": ("desk", "Make an empty ledger."),
    },
    "Record what was said": {
        "state": ("acts", "Somebody states claims."),
        "deny": ("acts", "Somebody denies claims, or having said something."),
        "assess": ("acts", "Somebody weighs claims: how likely, or a verdict."),
        "retract": ("acts", "Somebody takes back an act of their own."),
        "correct": ("acts", "Somebody corrects an act of their own."),
    },
    "Record what the desk knows": {
        "register": ("desk", "Give a proposition its id and its text."),
        "reword": ("desk", "Change the text of a claim."),
        "relate": ("desk", "One claim negates, entails or is the same as another."),
        "unrelate": ("desk", "Withdraw a relation between claims or sources."),
        "source": ("sources", "Show a source; list, register or relate sources."),
        "attach": ("desk", "Attach evidence to claims or an act."),
        "grade": ("desk", "Grade a source (A-F) or an act (1-6)."),
        "rule": ("desk", "Record a ruling on a claim, shown beside its status."),
    },
    "Mend the record": {
        "amend": ("desk", "Mend an entry; earlier answers keep the error."),
        "void": ("desk", "Strike an entry, as if it had never been appended."),
    },
    "Ask": {
        "status": ("status", "Where does a claim stand, and why? Without a claim: the board."),
        "history": ("reading", "How did its status change, and what changed it?"),
        "provenance": ("reading", "Who said so first, and through whom did it come?"),
        "diff": ("reading", "What changed between two moments?"),
        "changes": ("changes", "Which claims stand elsewhere than they stood?"),
        "log": ("log", "The records, oldest first."),
        "show": ("log", "One record, and what became of it."),
        "schema": ("schema", "The JSON Schema of the events."),
    },
    "Serve": {
        "serve": ("serve", "Open the ledger to other programs, and to people in a browser."),
        "token": ("token", "Make, list and revoke the tokens with which they ask."),
    },
    "Whole ledgers": {
        "append": ("bulk", "Append events from NDJSON, one a line."),
        "export": ("transfer", "Write all records as NDJSON, with ids and times."),
        "import": ("transfer", "Take in what export wrote."),
        "replay": ("replay", "Rebuild the answers from the records alone, and compare."),
    },
}
_HOME: Final = {name: entry for section in COMMANDS.values() for name, entry in section.items()}


class Claims(click.Group):
    """The group of all commands. It knows their names and imports what is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return list(_HOME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now; None where there is none."""
        if cmd_name not in _HOME:
            return None
        command = getattr(import_module(f"{__name__}.{_HOME[cmd_name][0]}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but suggests from the table."""
        if args[0] not in _HOME and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = " or ".join(get_close_matches(args[0], _HOME))
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {close}?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table, section by section."""
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(11), text) for name, (_, text) in commands.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command line; ends the process with its exit code unless `standalone_mode` is False."""
        standalone = extra.pop("standalone_mode", True)
        run = partial(super().main, *args, **extra, standalone_mode=False)
        if not standalone:
            return run()
        with _spoken_warnings():
            code = _exit_code(run)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command and sees its output off, while a reader that hung up can still be told from a failure."""
        with _noted() as interrupts:
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()
            except BrokenPipeError:
                _hush()
                raise SystemExit(0) from None  # whoever read has read enough
            except KeyboardInterrupt:
                _hush()
                raise SystemExit(130) from None
            except Exception:
                if not interrupts:
                    raise
                _hush()
                raise SystemExit(130) from None
        return result


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"claims {version('claim-ledger')}")
        except PackageNotFoundError:
            click.echo("claims (not installed)")
        ctx.exit()


@click.group(
    cls=Claims, name="claims", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--db", metavar="PATH|URL", help="The ledger, or a service that has it. Default: $CLAIMS_DB, else ./claims.db."
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(ctx: click.Context, db: str | None) -> None:
    """A ledger of who said what about a claim: statements, denials, assessments, each attributed and never altered.

    `claims demo` tells what it is for. `claims COMMAND --help` tells of one command.
    """
    ctx.obj = db
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    _open_closed()
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character is shown its code
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _open_closed() -> None:
    """Standard streams that whoever started us has closed: nothing comes in, and what goes out is read by nobody."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def complain(message: str) -> None:
    """Says on stderr what is wrong."""
    from ledger.visible import visible

    click.echo(f"claims: {visible(message, newline='; ')}", err=True)


def _exit_code(run: Callable[[], Any]) -> int:
    try:
        result = run()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        hint = error.ctx.command_path if error.ctx is not None else "claims"
        told = error.format_message().replace("\n\t", " ")  # choices come one a line
        complain(f"{told} (see `{hint} --help`)")
        return error.exit_code
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except click.Abort:
        return 130
    except Exception as error:  # never a traceback: what is not ours is named, with the way to see more
        return _explained(error)


def _explained(error: Exception) -> int:
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):  # a LedgerError, told without importing it
        complain(str(error))
        return code
    if os.environ.get("CLAIMS_TRACEBACK"):
        raise error
    if isinstance(error, UnicodeEncodeError):
        complain("an argument is not UTF-8 text")
        return 2
    if isinstance(error, OSError):
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    else:
        complain(f"{type(error).__name__}: {error}; this is a mistake in claims (CLAIMS_TRACEBACK=1 shows where)")
    return 1


@contextmanager
def _spoken_warnings() -> Iterator[None]:
    def speak(message: Warning | str, *_: Any, **__: Any) -> None:
        complain(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = speak
        yield


@contextmanager
def _noted() -> Iterator[list[int]]:
    """The interrupts that came: one within a compressed file is swallowed there, and comes out as another error."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or current_thread() is not main_thread():
        yield noted  # whoever runs this sees to interrupts
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _hush() -> None:
    """Nothing more goes to a stdout that nobody reads: the interpreter would complain when it flushes at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):  # no real file, as under a test runner
        pass
