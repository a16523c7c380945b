"""How much the gate would catch: it plants reworded items and looks for them as for any sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from catalog.contamination.cosine import NearSearch
from catalog.contamination.items import PARTS, Item
from catalog.contamination.matching import Matcher
from catalog.contamination.paraphrases import STRENGTHS, Strength, plant
from catalog.contamination.words import SEPARATOR
from catalog.errors import CatalogError
from catalog.vectors import Floats

SEED = 0
PLANTED = 100
"""Of a task's items, so many are planted in every strength."""

ENCODED = 20
"""And so many of these are embedded: a model is slower than a table of words."""

Conversation = list[dict[str, str]]
EncodeConversations = Callable[..., Floats]
"""Takes a `NamedSpace` and conversations, and gives them as samples of it: float32 (n, width)."""


@dataclass(frozen=True)
class Recall:
    """How many planted leaks of one strength were found.

    Attributes:
        strength: how the items were reworded.
        about: what that means.
        planted: how many leaks were planted.
        by_words: how many of them were found by runs of words or whole questions.
        encoded: how many of them were embedded too; 0 without `--cosine`.
        by_cosine: how many of the embedded ones were near enough to their item.
        by_either: how many of the embedded ones were found one way or the other.
    """

    strength: str
    about: str
    planted: int
    by_words: int
    encoded: int
    by_cosine: int
    by_either: int


def chosen(items: Sequence[Item]) -> list[Item]:
    """Draw the items to plant: at random by seed, among those that say anything."""
    speaking = [item for item in items if any(text.strip() for text in item.texts.values())]
    return Random(SEED).sample(speaking, min(PLANTED, len(speaking)))


def conversation(item: Item) -> Conversation:
    """Return an item as the messages of a sample."""
    roles = {"question": "user", "answer": "assistant"}
    return [
        {"role": roles[part], "content": item.texts[part]}
        for part in PARTS
        if item.texts[part].strip()
    ]


def measure(
    items: Sequence[Item],
    matcher: Matcher,
    near: NearSearch | None = None,
    encode: EncodeConversations | None = None,
) -> tuple[list[Recall], str | None]:
    """Plant some items in every strength and count what is found.

    Args:
        items: of one task in one role.
        matcher: looks for them by their words.
        near: looks for them by vectors, if that is asked for.
        encode: embeds planted texts; without it vectors cannot be tried.

    Returns:
        One count for each strength; and why vectors could not be tried, if they were to be.
    """
    sample = chosen(items)
    found: list[Recall] = []
    problem = None
    if near and not encode:
        problem = "nothing here loads models, so no planted text was embedded"
    for strength in STRENGTHS:
        planted = [plant(item, strength, SEED) for item in sample]
        caught = _caught_by_words(planted, matcher)
        near_ones: list[bool] = []
        if near and encode and not problem:
            try:
                near_ones = _caught_by_cosine(planted[:ENCODED], near, encode)
            except CatalogError as error:
                problem = f"no planted text was embedded: {error.message}"
        found.append(_counted(strength, caught, near_ones))
    return found, problem


def _counted(strength: Strength, caught: list[bool], near: list[bool]) -> Recall:
    either = sum(one or other for one, other in zip(caught, near, strict=False))
    return Recall(
        strength.name, strength.about, len(caught), sum(caught), len(near), sum(near), either
    )


def _caught_by_words(planted: Sequence[Item], matcher: Matcher) -> list[bool]:
    texts = [SEPARATOR.join(item.texts[part] for part in PARTS) for item in planted]
    found = {(overlap.text, overlap.item.query_id) for overlap in matcher.find(texts)}
    return [(place, item.query_id) in found for place, item in enumerate(planted)]


def _caught_by_cosine(
    planted: Sequence[Item], near: NearSearch, encode: EncodeConversations
) -> list[bool]:
    vectors = encode(near.named, [conversation(item) for item in planted])
    return list(near.catches(vectors, [item.query_id for item in planted]))
