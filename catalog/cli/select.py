"""The select command, and the rules it can follow."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json
from catalog.cli.progress import progress_bar
from catalog.cli.snapshots import facts, headline
from catalog.errors import InvalidInput

if TYPE_CHECKING:
    from catalog.snapshot import Snapshot


@click.command("select")
@click.argument("name")
@click.option("--method", help="Rule, such as round_robin or random (`catalog methods`).")
@click.option("--sql", "statement", help="Instead of a rule: a file with one SELECT, or -.")
@click.option("--recipe", "recipe_path", help="Instead: a file of `catalog show NAME --recipe`.")
@click.option("--like", help="Instead: do what this snapshot's recipe says, on today's pool.")
@click.option("--task", "tasks", multiple=True, help="Task to select for; repeat for several.")
@click.option("--size", type=int, help="Samples to select.")
@click.option("--tokens", type=int, help="Instead of a size: members in order while they fit.")
@click.option("--space", help="Embedding space; may be left out if there is one.")
@click.option("--where", help="SQL condition on the pool, such as \"source = 'dolly'\".")
@click.option("--seed", type=int, default=0, show_default=True, help="Of random draws.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="For your own SQL.")
@click.option("--score", "scores", multiple=True, metavar="N=S", help="Scorer S as the rule's N.")
@click.option("--max-per-source", type=int, help="Members that one source may have.")
@click.option("--not-in", multiple=True, metavar="SNAPSHOT|FILE", help="Leave its samples out.")
@click.option(
    "--skip-near-duplicates",
    type=float,
    metavar="COSINE",
    help="Pass over what is nearer than this to an earlier member.",
)
@click.option("--skip-missing", is_flag=True, help="Leave out what lacks a vector or a score.")
@click.option("--exclude-contaminated", is_flag=True, help="Leave out what decontaminate marked.")
@click.option("--allow-fewer", is_flag=True, help="Take fewer samples if there are no more.")
@click.option("--note", help="Kept with the snapshot.")
@common
@pass_session
def select_command(
    session: Session,
    /,
    name: str,
    statement: str | None,
    recipe_path: str | None,
    like: str | None,
    params: tuple[str, ...],
    scores: tuple[str, ...],
    size: int | None,
    **options: Any,  # noqa: ANN401 - as `Catalog.select` takes them
) -> None:
    """Select samples and freeze them as the next version of NAME."""
    from catalog.recipe import Recipe

    catalog = session.open()
    with progress_bar() as progress:
        recipe = Recipe.read(recipe_path) if recipe_path else None
        if like is not None:
            if recipe is not None:
                raise click.UsageError("--like and --recipe both say what to do: give one")
            recipe = catalog.recipe_like(like)
        snapshot = catalog.select(
            name,
            sql=_statement(statement) if statement else None,
            recipe=recipe,
            size=size,
            params=dict(_pair(given, "--param") for given in params),
            scores={need: str(scorer) for need, scorer in (_pair(s, "--score") for s in scores)},
            progress=progress,
            **options,
        )
    report_selection(session, snapshot, size)


def report_selection(session: Session, snapshot: "Snapshot", size: int | None) -> None:
    """Print what was selected, what should be known of it, and what to do next."""
    from catalog.show import contamination

    marked = contamination(snapshot)
    if session.json:
        return print_json({**facts(snapshot), "contamination": marked, "notices": snapshot.notices})
    click.echo(headline(snapshot))
    if not snapshot.is_new:
        click.echo("the same recipe on an unchanged pool: this version was there already")
    elif size is not None and snapshot.size < size:
        click.echo(f"there were no more than {count(snapshot.size, 'sample')}")
    for notice in snapshot.notices:
        click.echo(notice)
    click.echo(marked.in_words)
    click.echo(f"Next: catalog show {snapshot}, catalog export {snapshot} --output FILE", err=True)
    return None


def _statement(place: str) -> str:
    if place == "-":
        return sys.stdin.read()
    try:
        return Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"cannot read the statement in {place!r}: {error}", hint="Give a .sql file, or - ."
        ) from error


def _pair(text: str, flag: str) -> tuple[str, bool | int | float | str]:
    """Take `k=v` apart; v is a number or true or false if it looks like one."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not K=V", param_hint=flag)
    if value in ("true", "false"):
        return name, value == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


@click.command("mix")
@click.argument("name")
@click.argument("parts", nargs=-1, required=True, metavar="SNAPSHOT=AMOUNT…")
@click.option("--size", type=int, help="Samples that the shares are of, repeats counted.")
@click.option("--tokens", type=int, help="Instead of a size: tokens that the shares are of.")
@click.option("--repeats", type=int, default=1, help="How often a sample may count.  [default: 1]")
@click.option("--space", help="Whose tokens are counted; may be left out if there is one.")
@click.option("--note", help="Kept with the snapshot.")
@common
@pass_session
def mix_command(
    session: Session,
    /,
    name: str,
    parts: tuple[str, ...],
    **options: Any,  # noqa: ANN401 - as `Catalog.mix` takes them
) -> None:
    """Mix snapshots into NAME, from the top of each: A@1=70% B@2=30%, or counts as A=500 B=200."""
    snapshot = session.open().mix(name, parts, **options)
    report_selection(session, snapshot, None)


@click.command("methods")
@common
@pass_session
def methods_command(session: Session) -> None:
    """List the rules that `select --method` knows: what they do and what they need."""
    rows = session.open().methods()
    if session.json:
        return print_json({"methods": rows})
    for row in rows:
        click.echo(f"{row['method']}" + (f"  ({row['file']})" if row["file"] else ""))
        if row["problem"]:
            click.echo(f"  cannot be used: {row['problem']}")
            continue
        click.echo(f"  {row['what_it_does'] or 'says nothing of itself'}")
        needs, params = ", ".join(row["needs"]), ", ".join(row["params"])
        click.echo(f"  needs {needs or 'nothing'}; parameters {params or 'none'}")
    return None
