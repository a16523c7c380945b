"""The select verb: what is asked for is resolved into a recipe, done, and frozen."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalog import schema
from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.jobs import software_version
from catalog.model import EmbeddingSpace, NamedSpace, check_name
from catalog.progress import Progress
from catalog.recipe import Param, Recipe
from catalog.selecting.choosing import Selected, choose, rule
from catalog.snapshot import Snapshot, from_row
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Reader, Store, Transaction
from catalog.tasks import resolve


@dataclass(frozen=True)
class Request:
    """What was asked for, in names; see `Catalog.select`."""

    method: str | None
    sql: str | None
    recipe: Recipe | None
    tasks: tuple[str, ...]
    size: int | None
    space: str | None
    where: str | None
    seed: int


def select(
    home: Home,
    name: str,
    request: Request,
    params: dict[str, Param],
    allow_fewer: bool,
    note: str | None,
    progress: Progress,
) -> Snapshot:
    """Select samples and freeze them; the same recipe on an unchanged pool is the same snapshot."""
    check_name(name)
    with Store(home).read() as reader:
        recipe, space = _resolve(reader, request, params)
        recipe = replace(recipe, allow_fewer=recipe.allow_fewer or allow_fewer)
        found = existing(reader, home, name, recipe)
    if found is not None:
        return found
    selected = choose(home, recipe, space, progress)
    return freeze(home, name, recipe, selected, space, note)


def _resolve(
    reader: Reader, request: Request, params: dict[str, Param]
) -> tuple[Recipe, NamedSpace | None]:
    """Turn names into what they stand for now."""
    _check_together(request, params)
    if request.recipe is not None:
        return request.recipe, _space_of(reader, request.recipe)
    ranked = request.method is not None and "ranking" in rule(request.method).needs
    if request.tasks and not ranked:
        raise InvalidInput(
            f"{request.method or '--sql'} does not select for tasks",
            hint="Leave --task out, or use --method round_robin.",
        )
    space = the_space(reader, request.space) if ranked or request.space else None
    recipe = Recipe(
        method="sql" if request.method is None else request.method,
        size=request.size,
        sql=request.sql,
        tasks=tuple(resolve(reader, task) for task in request.tasks),
        space=space.space.contract() if space else None,
        where=request.where,
        seed=request.seed,
        params=params,
    )
    return recipe, space


def _check_together(request: Request, params: dict[str, Param]) -> None:
    """Refuse what contradicts itself, rather than heed a part of it."""
    ways = {"--method": request.method, "--sql": request.sql, "--recipe": request.recipe}
    given = [flag for flag, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"{' and '.join(given) or 'neither a method nor a statement'} given, expected one",
            hint="Say how to choose: --method, --sql or --recipe.",
        )
    refused: dict[str, object] = {}
    if request.sql is not None:
        refused = {"--task": request.tasks, "--where": request.where}
    if request.recipe is not None:
        refused = {
            "--task": request.tasks,
            "--size": request.size,
            "--space": request.space,
            "--where": request.where,
            "--seed": request.seed,
            "--param": params,
        }
    if wrong := [flag for flag, value in refused.items() if value]:
        raise InvalidInput(
            f"{wrong[0]} does not go with {given[0]}",
            hint=f"Write it into the {'statement' if request.sql else 'recipe'}.",
        )


def _space_of(reader: Reader, recipe: Recipe) -> NamedSpace | None:
    """Return the space in this home that has the recipe's contract."""
    if recipe.space is None:
        return None
    try:
        contract = EmbeddingSpace(**recipe.space)
    except TypeError as error:
        raise InvalidInput(
            f"the recipe's space is no contract: {error}",
            hint="`catalog show NAME --recipe` shows how it is written.",
        ) from error
    for row in reader.rows(load("show/spaces")):
        found = the_space(reader, row["name"])
        if not found.space.differences(contract):
            return found
    raise UnknownName(
        f"no embedding space here has the recipe's contract ({contract.model} at "
        f"{contract.model_revision}, {contract.pooling}, {contract.template}, "
        f"{contract.max_tokens} tokens)",
        hint=f"Make it with `catalog embed --space NAME --model {contract.model} --pooling "
        f"{contract.pooling} --template {contract.template} --text {contract.text} --max-tokens "
        f"{contract.max_tokens} --dtype {contract.compute_dtype} --store {contract.stored_dtype}`.",
    )


def existing(reader: Reader, home: Home, name: str, recipe: Recipe) -> Snapshot | None:
    """Return the version that came of this recipe, if the pool has not changed since.

    A user's SQL may look at more than the pool, say at what was selected before: its answer is
    always computed anew, and `freeze` finds out whether it is the same.
    """
    if recipe.sql is not None or recipe.where is not None:
        return None
    clock = int(reader.value(load("show/pool_clock")))
    for row in reader.rows(load("show/versions"), name=name):
        if row["pool_change_id"] == clock and _is_of(row, recipe):
            return from_row(home, row)
    return None


def _is_of(row: Mapping[str, Any], recipe: Recipe) -> bool:
    return Recipe.from_json(row["recipe"]).json() == recipe.json()


def freeze(
    home: Home,
    name: str,
    recipe: Recipe,
    selected: Selected,
    space: NamedSpace | None,
    note: str | None = None,
) -> Snapshot:
    """Keep a selection as the next version of `name`; the same content again is the same one."""
    with Store(home).write("select") as transaction:
        positions = pa.array(range(selected.members.num_rows), pa.int64())
        transaction.register("chosen", selected.members.append_column("position", positions))
        transaction.make("named", load("freeze/named"))
        identity = _digest(transaction)
        for known in transaction.rows(load("show/versions"), name=name):
            if known["digest"] == identity and _is_of(known, recipe):
                return from_row(home, known)
        row = _row(transaction, name, recipe, selected, space)
        row |= {"digest": identity, "note": note}
        transaction.insert(schema.snapshot, row)
        transaction.insert_select(
            schema.snapshot_member, load("freeze/members"), {"snapshot_id": row["snapshot_id"]}
        )
        kept = transaction.row(load("show/snapshot"), name=name, version=row["version"])
        assert kept is not None
        return from_row(home, kept, is_new=True)


def _row(
    transaction: Transaction,
    name: str,
    recipe: Recipe,
    selected: Selected,
    space: NamedSpace | None,
) -> dict[str, Any]:
    """Return the new version's row, but for what its members are."""
    space_id = space.space_id if space else None
    return {
        "snapshot_id": transaction.next_id(schema.snapshot),
        "name": name,
        "version": transaction.value(load("freeze/version"), name=name),
        "method": recipe.method,
        "rule": selected.rule,
        "recipe": recipe.plain(),
        "seed": recipe.seed,
        "space_id": space_id,
        "tasks": [vars(task) for task in recipe.tasks],
        "pool_change_id": selected.pool_change_id,
        "size": selected.members.num_rows,
        "tokens": transaction.value(load("freeze/tokens"), space_id=space_id),
        "author": _author(),
        "created_at": datetime.now(UTC),
        "software_version": software_version(),
    }


def _digest(transaction: Transaction) -> str:
    whole = sha256()
    for batch in transaction.batches("select content_hash from named order by position", 100_000):
        whole.update(b"".join(batch.column(0).to_pylist()))
    return whole.hexdigest()


def _author() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return None
