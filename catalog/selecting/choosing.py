"""A recipe becomes ordered members, each with the reason it was chosen; nothing is written here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import Progress
from catalog.recipe import Recipe
from catalog.selecting.choice import Choice
from catalog.selecting.exclusions import SampleList, excluded_ids
from catalog.selecting.mixing import mixed
from catalog.selecting.pool import FACTS, Pool, read_pool
from catalog.selecting.provision import Provision, check_needs
from catalog.selecting.rules import Rule, own_rule, the_rule
from catalog.sql import check, load, require_steady
from catalog.store import Store

NO_LISTS: Mapping[str, SampleList] = {}
MARKED = "select distinct sample_id from contaminated"


@dataclass(frozen=True)
class Selected:
    """What a selection gave.

    Attributes:
        members: sample_id, score, task, query_id, rank, turn, and of a mix repeats; one row per
            member, in order.
        rule: the statement that chose them.
        pool_change_id: the last change of the pool it chose from.
        notices: what the user should know of it.
    """

    members: pa.Table
    rule: str
    pool_change_id: int
    notices: tuple[str, ...] = ()


def choose(
    home: Home,
    recipe: Recipe,
    space: NamedSpace | None,
    progress: Progress,
    *,
    as_of: int | None = None,
    lists: Mapping[str, SampleList] = NO_LISTS,
) -> Selected:
    """Choose the members that a recipe asks for; nothing is written.

    Args:
        home: whose pool it is.
        recipe: what is asked for.
        space: that the recipe's contract stands for here.
        progress: is told how far scoring is.
        as_of: choose from the pool as it was after this change; None is now.
        lists: of samples to leave out, by digest, where they are not kept in the home yet.

    Raises:
        TooFewSamples: there are fewer than asked for, and the recipe does not allow that.
        CatalogError: the rule, the condition or the space cannot be used; nothing is written.
    """
    if recipe.parts:
        members, change_id = mixed(home, recipe, space, as_of=as_of)
        return Selected(members, load("freeze/part").text, change_id)
    rule = rule_of(home, recipe)
    with Store(home, as_of=as_of).read() as reader:
        check_needs(rule, recipe, reader)
        clock = reader.clock()
        facts = _facts(rule, recipe)
        pool = pool_of(home, recipe, space, as_of=as_of, lists=lists, facts=facts)
        provision = Provision(home, as_of, recipe, rule, space, pool, progress)
        provision.read()
    provision.as_of = clock  # what is read later is of the same change, whatever came meanwhile
    notices = provision.narrow()
    chosen = Choice(provision).choose()
    # A condition and a user's SQL may look at more than the pool.
    change_id = clock if rule.own or recipe.where is not None else pool.change_id
    return Selected(chosen, rule.query.text, change_id, tuple(notices))


def _facts(rule: Rule, recipe: Recipe) -> set[str]:
    """Return what must be read of every sample of the pool: of millions, no more than is used."""
    wanted = set[str]()
    if "pool" in rule.query.needs and not rule.own:
        wanted |= {"content_hash", "source"}
    if recipe.max_per_source is not None:
        wanted.add("source")
    if recipe.tokens is not None:
        wanted.add("tokens")
    return wanted


def rule_of(home: Home, recipe: Recipe) -> Rule:
    """Return the rule that a recipe goes by.

    Raises:
        UnknownName: there is none of that name.
        InvalidInput: the recipe gives it what it does not take, or lacks what it needs.
    """
    if recipe.sql is not None:
        rule = Rule(check("the statement", recipe.sql), own=True)
    elif recipe.rule is not None:
        rule = own_rule(recipe.method, recipe.rule)
    else:
        rule = the_rule(home, recipe.method)
    if rule.own:
        require_steady(rule.query.name, rule.query.text)
    if unused := sorted(recipe.scores.keys() - rule.query.needs):
        raise InvalidInput(
            f"{recipe.method} needs no scorer {unused[0]!r}",
            hint=f"It needs: {', '.join(sorted(rule.query.needs)) or 'nothing'}.",
        )
    if recipe.sql is not None:
        return rule
    if recipe.size is None and recipe.tokens is None:
        raise InvalidInput(
            "no size was given",
            hint="Say how many samples with --size, or how many tokens with --tokens.",
        )
    if recipe.tasks and not rule.for_tasks and not rule.own:
        raise InvalidInput(
            f"{recipe.method} does not select for tasks",
            hint="Leave --task out, or use --method round_robin.",
        )
    if unknown := sorted(recipe.params.keys() - rule.query.params):
        raise InvalidInput(
            f"{recipe.method} has no parameter {unknown[0]!r}",
            hint=f"Its parameters: {', '.join(sorted(rule.query.params)) or 'none'}.",
        )
    return rule


def pool_of(
    home: Home,
    recipe: Recipe,
    space: NamedSpace | None,
    *,
    as_of: int | None = None,
    lists: Mapping[str, SampleList] = NO_LISTS,
    facts: Collection[str] = FACTS,
) -> Pool:
    """Return the pool that a recipe chooses from: after its condition and all it leaves out."""
    pool = read_pool(Store(home, as_of=as_of), recipe.where, space, facts=facts)
    if recipe.not_in:
        with Store(home).read() as reader:  # what a recipe names may be younger than the pool
            pool = pool.without(excluded_ids(reader, recipe.not_in, lists))
    if recipe.exclude_contaminated:
        with Store(home, as_of=as_of).read() as reader:
            checked = reader.value("select count(*) from contamination_check")
            if not checked:
                raise InvalidInput(
                    "nothing was checked for contamination, so nothing is marked to be left out",
                    hint="Check with `catalog decontaminate` first.",
                )
            marked = np.asarray(reader.arrow(MARKED)["sample_id"].to_numpy())
        pool = pool.without(marked)
    return pool
