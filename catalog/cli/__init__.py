"""The `catalog` command: thin skins over the library, one per public function.

Nothing here imports torch, lance or duckdb before a command that needs it runs.
"""

import os
import sys

import click

from catalog.cli.audit import audit_group
from catalog.cli.changes import diff_command, reproduce_command
from catalog.cli.compare import compare_command
from catalog.cli.decontaminate import decontaminate_command
from catalog.cli.demo import demo_command
from catalog.cli.embed import embed_command
from catalog.cli.export import card_command, export_command
from catalog.cli.frame import CatalogGroup, Session
from catalog.cli.home import (
    backup_command,
    init_command,
    jobs_command,
    migrate_command,
    restore_command,
    status_command,
)
from catalog.cli.index import index_group
from catalog.cli.ingest import ingest_command, tasks_group
from catalog.cli.keep import check_command, purge_command, retire_command
from catalog.cli.report import report_command
from catalog.cli.runs import runs_group
from catalog.cli.scores import score_command, scores_group
from catalog.cli.search import search_command
from catalog.cli.select import methods_command, mix_command, select_command
from catalog.cli.snapshots import (
    delete_command,
    rename_command,
    show_command,
    snapshots_command,
    verify_command,
)
from catalog.cli.spaces import space_group, spaces_command
from catalog.cli.sql import sql_command
from catalog.cli.why import explain_command

COMMANDS = (
    init_command,
    ingest_command,
    tasks_group,
    embed_command,
    spaces_command,
    space_group,
    score_command,
    scores_group,
    decontaminate_command,
    select_command,
    mix_command,
    methods_command,
    snapshots_command,
    show_command,
    verify_command,
    reproduce_command,
    explain_command,
    diff_command,
    compare_command,
    export_command,
    card_command,
    rename_command,
    delete_command,
    retire_command,
    purge_command,
    check_command,
    runs_group,
    audit_group,
    report_command,
    search_command,
    index_group,
    sql_command,
    status_command,
    jobs_command,
    migrate_command,
    backup_command,
    restore_command,
    demo_command,
)


@click.group(
    cls=CatalogGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "token_normalize_func": lambda word: word.replace("_", "-"),
    },
)
@click.option(
    "--home",
    envvar="CATALOG_HOME",
    default=".catalog",
    show_default=True,
    help="The catalog's folder; also CATALOG_HOME.",
)
@click.version_option(package_name="instruct-catalog")
@click.pass_context
def cli(context: click.Context, home: str) -> None:
    """Know what you trained on: select instruction data, freeze it, trace every sample."""
    context.obj = Session(home)


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command and leave with its exit code: 0, 1 our error, 2 usage, 130 interrupted."""
    # Threads that spin while they wait make a small model many times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Run the same command again to go on.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to flush it to.
        sys.stdout = None
        sys.exit(0)
