"""Mixes: parts of snapshots, taken from the top of each, become a snapshot like any other."""

from collections.abc import Sequence

from catalog.errors import InvalidInput
from catalog.freeze import existing, freeze
from catalog.home import Home
from catalog.model import check_name
from catalog.progress import silent
from catalog.recipe import Recipe
from catalog.references import Part
from catalog.selecting.choosing import choose
from catalog.snapshot import Snapshot, find
from catalog.spaces import the_space
from catalog.store import Store


def mix(
    home: Home,
    name: str,
    parts: Sequence[str],
    *,
    size: int | None = None,
    tokens: int | None = None,
    repeats: int = 1,
    space: str | None = None,
    note: str | None = None,
) -> Snapshot:
    """Mix snapshots into a new one; see `Catalog.mix`."""
    check_name(name)
    with Store(home).read() as reader:
        named = the_space(reader, space) if space is not None or tokens is not None else None
    recipe = Recipe(
        method="mix",
        size=size,
        tokens=tokens,
        space=named.space.contract() if named else None,
        parts=tuple(read_part(home, part) for part in parts),
        repeats=repeats,
    )
    with Store(home).read() as reader:
        if found := existing(reader, home, name, recipe):
            return found
    return freeze(home, name, recipe, choose(home, recipe, named, silent), named, note)


def read_part(home: Home, text: str) -> Part:
    """Read `A@1=70%` or `A@1=500`.

    Raises:
        InvalidInput: it is written otherwise.
        UnknownName: there is no such snapshot.
    """
    reference, equals, amount = text.partition("=")
    number = amount.removesuffix("%")
    try:
        value = float(number) if amount.endswith("%") else int(number)
    except ValueError:
        value = 0
    if not equals or not reference or not 0 < value < 2**63:
        raise InvalidInput(
            f"{text!r} is no part of a mix", hint="Write SNAPSHOT=SHARE% or SNAPSHOT=COUNT."
        )
    snapshot = find(home, reference)
    if amount.endswith("%"):
        return Part(str(snapshot), snapshot.digest, share=value / 100)
    return Part(str(snapshot), snapshot.digest, count=int(value))
