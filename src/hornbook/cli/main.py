"""`hornbook`: the commands together, run as a process or inside of one."""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress

import click
from click.shell_completion import shell_complete

from hornbook.cli.bench import bench
from hornbook.cli.doctor import doctor
from hornbook.cli.embed import embed
from hornbook.cli.explain import explain
from hornbook.cli.generate import generate
from hornbook.cli.interrupts import INTERRUPTED
from hornbook.cli.layout import shown
from hornbook.cli.models import models
from hornbook.cli.options import Settings
from hornbook.cli.output import open_stdout
from hornbook.cli.parameters import Group, name_variables
from hornbook.cli.problems import OK, USAGE, describe, exit_code
from hornbook.cli.similarity import similarity
from hornbook.cli.tokens import tokens

__all__ = ["cli", "main", "run_process"]

BROKEN_PIPE, TERMINATED = 141, 143
"""As shells report SIGPIPE and SIGTERM."""

COMPLETION = "_HORNBOOK_COMPLETE"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hornbook", prog_name="hornbook")
def cli() -> None:
    """GPT-2 from first principles: generate text, turn sentences into vectors, see how it works.

    `hornbook COMMAND --help` shows what a command takes. Results go to stdout, everything else to stderr.

    \b
    Exit codes:
      0 ok    1 a bug here    2 wrong usage    3 bad input or data
      4 network, or not downloaded    5 disk, memory, permission
      130 Ctrl-C    141 the reader of a pipe is gone    143 SIGTERM

    \b
    Environment:
      HORNBOOK_COMMAND_OPTION  an option, as in HORNBOOK_GENERATE_TEMPERATURE;
                               one value a line where several can be given
      HORNBOOK_BACKEND         what computes: native, numpy
      HORNBOOK_ISA             the instruction set of the native kernels
      HORNBOOK_NUM_THREADS     how many threads compute; else OMP_NUM_THREADS
      HF_HOME, HF_HUB_CACHE    where downloaded models are kept
      HF_ENDPOINT, HF_TOKEN    which Hub, and who asks
      HF_HUB_OFFLINE           1: never use the network
      NO_COLOR                 1: no colours
    """


for command in (generate, embed, similarity, explain, tokens, models, bench, doctor):
    cli.add_command(command)
name_variables(cli, "HORNBOOK")


def run_process() -> int:
    """Runs the command line of this process and returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    if instruction := os.environ.get(COMPLETION):
        return shell_complete(cli, {}, "hornbook", COMPLETION, instruction)
    warnings.showwarning = _show_warning
    open_stdout()
    code = main(sys.argv[1:])
    _let_go_of_full_streams()
    return code


def main(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    settings = Settings(color=False if is_plain else None)
    try:
        with suppress(click.exceptions.Exit):  # how --help and --version end
            _invoke(arguments, settings)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as error:
        return _report(error, settings)
    return OK


def _invoke(arguments: Sequence[str], settings: Settings) -> None:
    """`cli.main` would do this too, but makes exit code 1 of a broken pipe."""
    with cli.make_context("hornbook", list(arguments), obj=settings, color=settings.color) as context:
        cli.invoke(context)


def _report(error: Exception, settings: Settings) -> int:
    """Prints one line, after the traceback if it is wanted, and returns the exit code."""
    with suppress(OSError):  # stderr may be full as well, and then nobody is left to tell
        if settings.debug and not isinstance(error, click.UsageError):
            import traceback

            traceback.print_exception(error)
        prefix = click.style("error:", fg="red", bold=True)
        click.echo(f"{prefix} {shown(describe(error, settings))}", err=True, color=settings.color)
    return exit_code(error)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """A warning is one line too."""
    context = click.get_current_context(silent=True)
    if context is None or not context.ensure_object(Settings).quiet:
        with suppress(OSError):
            click.echo(f"warning: {shown(str(message))}", err=True)


def _let_go_of_full_streams() -> None:
    """What is still buffered for a stream that is full or gone must not fail again at exit."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, AttributeError):  # closed from the beginning, it is None
            setattr(sys, name, None)
