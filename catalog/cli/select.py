"""The select command, and the rules it can follow."""

import sys
from pathlib import Path

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json
from catalog.cli.progress import progress_bar
from catalog.cli.snapshots import facts, headline
from catalog.errors import InvalidInput


@click.command("select")
@click.argument("name")
@click.option("--method", help="Rule: round_robin, random, balanced (`catalog methods`).")
@click.option("--sql", "statement", help="Instead of a rule: a file with one SELECT, or -.")
@click.option("--recipe", "recipe_path", help="Instead: a file of `catalog show NAME --recipe`.")
@click.option("--task", "tasks", multiple=True, help="Task to select for; repeat for several.")
@click.option("--size", type=int, help="Samples to select.")
@click.option("--space", help="Embedding space; may be left out if there is one.")
@click.option("--where", help="SQL condition on the pool, such as \"source = 'dolly'\".")
@click.option("--seed", type=int, default=0, show_default=True, help="Of random draws.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="For --sql; may repeat.")
@click.option("--allow-fewer", is_flag=True, help="Take fewer samples if there are no more.")
@click.option("--note", help="Kept with the snapshot.")
@common
@pass_session
def select_command(
    session: Session,
    name: str,
    method: str | None,
    statement: str | None,
    recipe_path: str | None,
    tasks: tuple[str, ...],
    size: int | None,
    space: str | None,
    where: str | None,
    seed: int,
    params: tuple[str, ...],
    allow_fewer: bool,
    note: str | None,
) -> None:
    """Select samples and freeze them as the next version of NAME."""
    from catalog.recipe import Recipe

    with progress_bar() as progress:
        snapshot = session.open().select(
            name,
            method=method,
            sql=_statement(statement) if statement else None,
            recipe=Recipe.read(recipe_path) if recipe_path else None,
            tasks=tasks,
            size=size,
            space=space,
            where=where,
            seed=seed,
            params=dict(map(_param, params)),
            allow_fewer=allow_fewer,
            note=note,
            progress=progress,
        )
    if session.json:
        return print_json(facts(snapshot))
    click.echo(headline(snapshot))
    if not snapshot.is_new:
        click.echo("the same recipe on an unchanged pool: this version was there already")
    elif size is not None and snapshot.size < size:
        click.echo(f"there were no more than {count(snapshot.size, 'sample')}")
    click.echo(f"Next: catalog show {snapshot}, catalog export {snapshot} --output FILE", err=True)


def _statement(place: str) -> str:
    if place == "-":
        return sys.stdin.read()
    try:
        return Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"cannot read the statement in {place!r}: {error}", hint="Give a .sql file, or - ."
        ) from error


def _param(text: str) -> tuple[str, bool | int | float | str]:
    """Take `k=v` apart; v is a number or true or false if it looks like one."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not K=V", param_hint="--param")
    if value in ("true", "false"):
        return name, value == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


@click.command("methods")
@common
@pass_session
def methods_command(session: Session) -> None:
    """List the rules that `select --method` knows."""
    from catalog.sql import load, names

    rows = [
        {"method": name, "what it does": load(f"select/{name}").summary} for name in names("select")
    ]
    if session.json:
        return print_json({"methods": rows})
    for row in rows:
        click.echo(f"{row['method']}\n  {row['what it does']}")
