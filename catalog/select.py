"""The select verb: what is asked for is resolved into a recipe, done, and frozen."""

from dataclasses import asdict, dataclass, replace

from catalog.errors import InvalidInput, UnknownName
from catalog.freeze import existing, freeze
from catalog.home import Home
from catalog.model import EmbeddingSpace, NamedSpace, check_name
from catalog.progress import Progress
from catalog.recipe import Param, Recipe
from catalog.selection import choose, rule
from catalog.snapshot import Snapshot
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
        space=asdict(space.space) if space else None,
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
