"""The command line: verbs found in commands/, and the one place where errors end."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from bertkit import __version__, commands
from bertkit.commands._launch import CAPTURED, launch
from bertkit.console import console
from bertkit.engine import processes as engine_processes
from bertkit.engine import signals
from bertkit.engine import threads as engine_threads
from bertkit.errors import BertkitError, Interrupted, PeerLostError, UsageError

BUG = 70
INTERRUPTED = 130
SHARED = ("eval", "finetune", "predict")
THREADED = (*SHARED, "export")
COMMON = {
    "json": (["--json"], "Print one JSON document."),
    "quiet": (["--quiet", "-q"], "Print results and errors only."),
    "verbose": (["--verbose", "-v"], "Show what the libraries say."),
}


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the application with one command a file of commands/.

    Args:
        arguments: As typed; what several processes are started with. If they begin with a verb, it is the only one.
    """
    app = typer.Typer(
        help="Fine-tune BERT-family encoders on your own table of text, then put them to work.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_global)
    for module in _needed(arguments):
        name = module.__name__.rpartition(".")[2]
        if hasattr(module, "group"):
            app.add_typer(_group(module), name=name)
        else:
            function = _with_threads(module.command) if name in THREADED else module.command
            function = _in_processes(function, arguments) if name in SHARED else function
            app.command(name, epilog=_epilog(module.EXAMPLES))(_with_common(function))
    return app


def verbs() -> list[ModuleType]:
    """Return the modules of commands/ that are verbs, in alphabetical order."""
    return [_verb(name) for name in _names()]


def _needed(arguments: Sequence[str]) -> list[ModuleType]:
    """Return the verb that is asked for, else all: each takes time to build."""
    return [_verb(arguments[0])] if arguments and arguments[0] in _names() else verbs()


def _names() -> list[str]:
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    return [name for name in names if not name.startswith("_")]


def _verb(name: str) -> ModuleType:
    return importlib.import_module(f"{commands.__name__}.{name}")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for number in signals.CAUGHT:
        signal.signal(number, signals.stop_now)
    code = run(sys.argv[1:])
    for number in signals.CAUGHT:
        # Nothing is left to stop: the exit code shall say what was done.
        signal.signal(number, signal.SIG_IGN)
    if engine_processes.count() > 1:
        # The work is done. Threads of gloo that are still there can turn the usual way out into an abort.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: As typed, without the program's name.

    Returns:
        0 done; 1 a gate failed; 2 the user can fix it; 3 the machine can't; 70 a bug; 75 another process of the
        same job has ended; 130 or 143 interrupted.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # A token is sent to the hub where it asks for one, see bertkit/data/hub_token.py.
    os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    console.configure(json="--json" in arguments, quiet=False, verbose=bool({"-v", "--verbose"} & set(arguments)))
    try:
        code = _ended(arguments)
        console.finish()
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as stop:
        # Rich and Typer turn a closed pipe into an exit with 1, which would read as a gate that failed.
        if isinstance(stop.__context__, BrokenPipeError):
            return _reader_left()
        raise
    return code


def _ended(arguments: Sequence[str]) -> int:
    try:
        with _signals_first():
            code = build(arguments)(list(arguments), prog_name="bertkit", standalone_mode=False)
        if code == INTERRUPTED:  # what Typer makes of Ctrl-C, without a word
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        number = signals.taken()
        console.error(Interrupted("stopped by SIGTERM" if number == signal.SIGTERM else "interrupted"))
        return 128 + number
    except BertkitError as error:
        # Where bertkit has started the processes, it shows why the other one ended.
        if not (isinstance(error, PeerLostError) and CAPTURED in os.environ):
            console.error(error)
        return error.exit_code
    except TyperException as error:
        if message := _message(error):
            console.error(UsageError(message, _help_of(error)))
        return UsageError.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        console.traceback()
        console.error(BertkitError(f"this is a bug in bertkit: {error!r}", "report it with the lines above"))
        return BUG
    return code if isinstance(code, int) else 0


@contextmanager
def _signals_first() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # A signal in the middle of an import can come out as any other error.
        if signals.ordered() and not isinstance(error, Interrupted):
            raise KeyboardInterrupt from error
        raise


def _reader_left() -> int:
    # Without this, Python complains once more while it flushes what nobody reads.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _global(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        console.line(__version__)
        raise typer.Exit


def _group(module: ModuleType) -> typer.Typer:
    group = typer.Typer(help=module.__doc__, no_args_is_help=True)
    for name, (function, examples) in module.group.items():
        group.command(name, epilog=_epilog(examples))(_with_common(function))
    return group


def _with_common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that every verb has."""

    @functools.wraps(function)
    def command(*, json: bool, quiet: bool, verbose: bool, **options: Any) -> Any:
        console.configure(json=json, quiet=quiet, verbose=verbose)
        return function(**options)

    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(*flags, help=text, rich_help_panel="Output")],
        )
        for name, (flags, text) in COMMON.items()
    ]
    signature = _extended(function, added)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command


def _in_processes(function: Callable[..., Any], arguments: Sequence[str]) -> Callable[..., Any]:
    """Give a command the option to be done by several processes."""

    @functools.wraps(function)
    def command(*, processes: int, **options: Any) -> Any:
        there = engine_processes.count()
        if processes in {1, there}:
            return function(**options)
        if there > 1:
            message = f"--processes {processes}: a launcher has started {there} processes already"
            raise UsageError(message, "leave --processes out")
        # Not a returned code: 130 would read as a Ctrl-C here.
        sys.exit(launch(arguments, processes))

    annotation = Annotated[
        int, typer.Option("--processes", min=1, help="Processes of this machine that share the work.")
    ]
    added = inspect.Parameter("processes", inspect.Parameter.KEYWORD_ONLY, default=1, annotation=annotation)
    command.__signature__ = _extended(function, [added])  # type: ignore[attr-defined]
    return command


def _with_threads(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option of how many threads compute."""

    @functools.wraps(function)
    def command(*, threads: int | None, **options: Any) -> Any:
        if threads is None and engine_processes.is_main():
            engine_threads.tell_if_busy()
        with engine_threads.using(threads):
            return function(**options)

    annotation = Annotated[
        int | None,
        typer.Option(
            "--threads",
            min=1,
            help="Threads of each process.",
            show_default=f"${engine_threads.NAMED}, else physical cores",
        ),
    ]
    added = inspect.Parameter("threads", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
    command.__signature__ = _extended(function, [added])  # type: ignore[attr-defined]
    return command


def _extended(function: Callable[..., Any], added: Sequence[inspect.Parameter]) -> inspect.Signature:
    signature = inspect.signature(function, eval_str=True)
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in signature.parameters.values()]
    return signature.replace(parameters=[*own, *added])


def _epilog(examples: Sequence[str]) -> str:
    return "\n\n".join(["Examples:", *examples])


def _message(error: Exception) -> str:
    # Both the exceptions and their wording belong to the click that Typer carries; str() alone loses the hints.
    return str(error.format_message()) if hasattr(error, "format_message") else str(error)


def _help_of(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'bertkit'} --help"
