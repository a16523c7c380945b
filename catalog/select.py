"""The select verb: what is asked for is resolved into a recipe, done, and frozen."""

from dataclasses import asdict, dataclass, replace

from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.model import EmbeddingSpace, NamedSpace
from catalog.progress import Progress
from catalog.recipe import Param, Recipe
from catalog.selection import choose, rule
from catalog.snapshot import Snapshot, existing, freeze
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Reader, Store
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
        recipe, space = _resolve(reader, request)
        recipe = replace(recipe, allow_fewer=recipe.allow_fewer or allow_fewer)
        if params:
            recipe = replace(recipe, params=params)
        found = existing(reader, home, name, recipe)
    if found is not None:
        return found
    selected = choose(home, recipe, space, progress)
    return freeze(home, name, recipe, selected, space, note)


def check_name(name: str) -> None:
    """Check that a snapshot's name can be told from one with a version.

    Raises:
        InvalidInput: it cannot.
    """
    if not name.strip() or name != name.strip() or any(mark in name for mark in "@/:\n"):
        raise InvalidInput(
            f"{name!r} cannot be a name", hint="Names are not empty and hold no : @ or /."
        )


def _resolve(reader: Reader, request: Request) -> tuple[Recipe, NamedSpace | None]:
    """Turn names into what they stand for now."""
    given = [
        flag
        for flag, value in (
            ("--method", request.method),
            ("--sql", request.sql),
            ("--recipe", request.recipe),
        )
        if value is not None
    ]
    if len(given) != 1:
        raise InvalidInput(
            f"{' and '.join(given) or 'neither a method nor a statement'} given, expected one",
            hint="Say how to choose: --method, --sql or --recipe.",
        )
    if request.recipe is not None:
        return request.recipe, _space_of(reader, request.recipe)
    if request.sql is not None:
        refused = {"--task": request.tasks, "--where": request.where}
        if wrong := [flag for flag, value in refused.items() if value]:
            raise InvalidInput(
                f"{wrong[0]} does not go with --sql", hint="Write it into the statement."
            )
    query = rule(request.method) if request.method else None
    ranked = query is not None and "ranking" in query.needs
    if request.tasks and not ranked:
        raise InvalidInput(f"{request.method or '--sql'} does not select for tasks")
    space = the_space(reader, request.space) if ranked or request.space else None
    recipe = Recipe(
        method=request.method or "sql",
        size=request.size,
        sql=request.sql,
        tasks=tuple(resolve(reader, task) for task in request.tasks),
        space=asdict(space.space) if space else None,
        where=request.where,
        seed=request.seed,
    )
    return recipe, space


def _space_of(reader: Reader, recipe: Recipe) -> NamedSpace | None:
    """Return the space in this home that has the recipe's contract."""
    if recipe.space is None:
        return None
    try:
        contract = EmbeddingSpace(**recipe.space)
    except TypeError as error:
        raise InvalidInput(f"the recipe's space is no contract: {error}") from error
    for row in reader.rows(load("show/spaces")):
        found = the_space(reader, row["name"])
        if found.space == contract:
            return found
    raise UnknownName(
        f"no embedding space here has the recipe's contract ({contract.model}, "
        f"{contract.pooling}, {contract.template}, {contract.max_tokens} tokens)",
        hint=f"Make it with `catalog embed --space NAME --model {contract.model} --pooling "
        f"{contract.pooling} --template {contract.template} --text {contract.text} --max-tokens "
        f"{contract.max_tokens} --dtype {contract.compute_dtype} --store {contract.stored_dtype}`.",
    )
