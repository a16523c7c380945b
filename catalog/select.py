"""The select verb: what is asked for is resolved into a recipe, done, and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput, UnknownName
from catalog.freeze import existing, freeze
from catalog.home import Home
from catalog.model import EmbeddingSpace, NamedSpace, check_name
from catalog.progress import Progress
from catalog.recipe import Param, Recipe
from catalog.references import Exclusion, is_text
from catalog.scorers import the_scorer
from catalog.selecting.choosing import choose
from catalog.selecting.exclusions import SampleList, read_list
from catalog.selecting.pool import TOKENS
from catalog.selecting.rules import Rule, the_rule
from catalog.snapshot import Snapshot, find, split
from catalog.spaces import the_space
from catalog.sql import check, columns, load
from catalog.store import Reader, Store
from catalog.tasks import resolve


@dataclass(frozen=True)
class Request:
    """What was asked for, in names; see `Catalog.select`."""

    method: str | None = None
    sql: str | None = None
    recipe: Recipe | None = None
    tasks: tuple[str, ...] = ()
    size: int | None = None
    tokens: int | None = None
    space: str | None = None
    where: str | None = None
    seed: int = 0
    params: Mapping[str, Param] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)
    max_per_source: int | None = None
    not_in: tuple[str, ...] = ()
    skip_near_duplicates: float | None = None
    skip_missing: bool = False
    exclude_contaminated: bool = False
    allow_fewer: bool = False


def select(
    home: Home, name: str, request: Request, note: str | None, progress: Progress
) -> Snapshot:
    """Select samples and freeze them; the same recipe on an unchanged pool is the same snapshot."""
    check_name(name)
    with Store(home).read() as reader:
        recipe, space, lists = resolved(home, request)
        if found := existing(reader, home, name, recipe):
            return found
    selected = choose(home, recipe, space, progress, lists=lists)
    unknown = [one.in_words for one in lists.values() if one.unknown]
    selected = replace(selected, notices=(*unknown, *selected.notices))
    return freeze(home, name, recipe, selected, space, note, lists)


def resolved(
    home: Home, request: Request
) -> tuple[Recipe, NamedSpace | None, dict[str, SampleList]]:
    """Turn names into what they stand for now: a recipe, its space, and lists read from files.

    Raises:
        UnknownName: a rule, task, space, scorer or snapshot is not here.
        InvalidInput: what is asked contradicts itself.
    """
    _check_together(request)
    with Store(home).read() as reader:
        if request.recipe is not None:
            recipe = request.recipe
            fewer = recipe.allow_fewer or request.allow_fewer
            return replace(recipe, allow_fewer=fewer), space_of(reader, recipe), {}
        rule = the_rule(home, request.method) if request.method is not None else None
        space = the_space(reader, request.space) if _needs_space(rule, request) else None
        lists = {
            given: read_list(reader, Path(given))
            for given in request.not_in
            if _is_file(reader, given)
        }
        scores = {
            need: dict(the_scorer(reader, scorer).contract)
            for need, scorer in request.scores.items()
        }
        tasks = tuple(resolve(reader, task) for task in request.tasks)
    exclusions = tuple(
        lists[given].reference if given in lists else _snapshot(home, given)
        for given in request.not_in
    )
    recipe = Recipe(
        method="sql" if request.method is None else request.method,
        sql=request.sql,
        rule=rule.query.text if rule is not None and rule.own else None,
        tasks=tasks,
        space=space.space.contract() if space else None,
        scores=scores,
        not_in=exclusions,
        **{name: getattr(request, name) for name in _AS_GIVEN},
    )
    return recipe, space, {one.reference.digest: one for one in lists.values()}


_AS_GIVEN = (
    *("size", "tokens", "where", "seed", "params", "max_per_source", "skip_near_duplicates"),
    *("skip_missing", "exclude_contaminated", "allow_fewer"),
)
_IN_RECIPE = {
    **{"tasks": "--task", "size": "--size", "tokens": "--tokens", "space": "--space"},
    **{"where": "--where", "seed": "--seed", "params": "--param", "scores": "--score"},
    **{"max_per_source": "--max-per-source", "not_in": "--not-in"},
    **{"skip_near_duplicates": "--skip-near-duplicates", "skip_missing": "--skip-missing"},
    **{"exclude_contaminated": "--exclude-contaminated"},
}
"""What a recipe says itself, and the option that would say it too."""


def _check_together(request: Request) -> None:
    """Refuse what contradicts itself, rather than heed a part of it."""
    ways = {"--method": request.method, "--sql": request.sql, "--recipe": request.recipe}
    given = [flag for flag, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"{' and '.join(given) or 'neither a method nor a statement'} given, expected one",
            hint="Say how to choose: --method, --sql or --recipe.",
        )
    if request.sql is not None and request.tasks:
        raise InvalidInput(
            "--task does not go with --sql", hint="Write it into the statement: similarity('T')."
        )
    if request.recipe is not None:
        empty = Request()
        for name, flag in _IN_RECIPE.items():
            if getattr(request, name) != getattr(empty, name):
                raise InvalidInput(
                    f"{flag} does not go with a recipe (--recipe, --like)",
                    hint="Write it into the recipe: `catalog show NAME --recipe > FILE`.",
                )


def _needs_space(rule: Rule | None, request: Request) -> bool:
    """Tell whether a space is needed, so that the only one is taken if none is named."""
    if request.space is not None or request.tokens is not None:
        return True
    if request.skip_near_duplicates is not None:
        return True
    if rule is not None and (rule.for_tasks or "tokens" in rule.query.needs):
        return True
    if request.where is None or not is_text(request.where):
        return False
    check("the condition of --where", f"select\n{request.where}\n")
    return bool({*TOKENS} & {*columns(request.where)})


def _is_file(reader: Reader, given: str) -> bool:
    """Tell a file from a snapshot: a snapshot of that name comes first."""
    if not Path(given).is_file():
        return False
    name, _, version = given.partition("@")
    row = reader.row(
        load("show/snapshot"), name=name, version=int(version) if version.isdecimal() else None
    )
    return row is None


def _snapshot(home: Home, given: str) -> Exclusion:
    if "/" in given or Path(given).suffix in (".txt", ".jsonl", ".parquet", ".gz"):
        raise InvalidInput(
            f"there is no file {given!r}", hint="--not-in takes a snapshot, or a file of samples."
        )
    split(given)
    found = find(home, given)
    return Exclusion("snapshot", str(found), found.digest)


def space_of(reader: Reader, recipe: Recipe) -> NamedSpace | None:
    """Return the space in this home that has the recipe's contract.

    Raises:
        UnknownName: none has.
    """
    if recipe.space is None:
        return None
    try:
        contract = EmbeddingSpace(**recipe.space)
    except TypeError as error:
        raise InvalidInput(
            f"the recipe's space is no contract: {error}",
            hint="`catalog show NAME --recipe` shows how it is written.",
        ) from error
    for row in reader.rows("select name from embedding_space order by name"):
        found = the_space(reader, row["name"])
        if not found.space.differences(contract):
            return found
    raise UnknownName(
        f"no embedding space here has the recipe's contract ({contract.model} at "
        f"{contract.model_revision}, {contract.pooling}, {contract.template}, "
        f"{contract.max_tokens} tokens)",
        hint=_how_to_make(contract),
    )


def _how_to_make(contract: EmbeddingSpace) -> str:
    if contract.derivation:
        return f"It is derived from another space: {contract.derivation}; see `catalog space`."
    options: dict[str, Any] = {
        "--model": contract.model,
        "--pooling": contract.pooling,
        "--template": contract.template,
        "--text": contract.text,
        "--max-tokens": contract.max_tokens,
        "--dtype": contract.compute_dtype,
        "--store": contract.stored_dtype,
    }
    prefixes = {"query_prefix": "--query-prefix", "passage_prefix": "--passage-prefix"}
    options |= {
        flag: repr(getattr(contract, name))
        for name, flag in prefixes.items()
        if getattr(contract, name)
    }
    told = " ".join(f"{flag} {value}" for flag, value in options.items())
    return f"Make it with `catalog embed --space NAME {told}`."
