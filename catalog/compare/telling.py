"""The answer in a few sentences: how the selections differ, and whether chance would do as well."""

from collections.abc import Iterator
from itertools import combinations

from catalog.compare.comparison import TOWARDS, Comparison, Finding
from catalog.compare.wording import against, listed, named, ranged, share, written

CAUTION = (
    "Nearness to a task is what such a selection is made by: it shows that the rule did its work, "
    "not that a model trained on the result is better."
)


def answer(comparison: Comparison) -> list[str]:
    """Return the sentences."""
    return [
        *_towards(comparison),
        *_apart(comparison),
        *_shared(comparison),
        *([CAUTION] if comparison.tasks else []),
    ]


def draws_in_words(comparison: Comparison) -> str:
    """Say what the marks mean, and how much so many draws can tell."""
    if comparison.draws == 1:
        return "One draw of each baseline says nothing of how much draws differ: nothing is marked."
    outside = share(2 / (comparison.draws + 1))
    return (
        f"▲ ▼: outside of where one more random draw of the same size would lie 19 times of 20, as "
        f"estimated from {comparison.draws} draws. Ranges are the lowest and highest of "
        f"{comparison.draws} draws, no more: another draw lies outside of them {outside} of the "
        "time."
    )


def _towards(comparison: Comparison) -> Iterator[str]:
    """Tell for every task which snapshots are nearer to it than draws of the same size."""
    for task in comparison.tasks:
        groups: dict[str, list[str]] = {}
        for column in comparison.of("snapshot"):
            verdicts = {
                method: against(comparison, column, method, "mean", f"{TOWARDS}{task}")
                for method in ("random", "balanced")
            }
            value = column.figure("mean", f"{TOWARDS}{task}")
            if value is not None:
                said = _said(verdicts["random"], verdicts["balanced"])
                groups.setdefault(said, []).append(f"{column.name} ({value.mean:.3f})")
        told = "; ".join(f"{said}: {listed(names)}" for said, names in groups.items())
        if told:
            yield f"{task}: {told}."


def _said(random: str | None, balanced: str | None) -> str:
    words = {
        "above": "nearer than",
        "below": "farther than",
        "within": "not told apart from",
        "unknown": "beside too few draws of",
        None: "without a draw of",
    }
    if random == balanced:
        return f"{words[random]} random and balanced"
    return f"{words[random]} random, {words[balanced]} balanced"


def _apart(comparison: Comparison) -> Iterator[str]:
    """Tell what else sets each snapshot apart from random draws of the same size."""
    for column in comparison.of("snapshot"):
        found = [
            finding
            for finding in comparison.findings
            if finding.snapshot == column.key
            and comparison.column(finding.baseline).method == "random"
            and comparison.column(finding.baseline).budget == "samples"
            and not finding.of.startswith(TOWARDS)
            and finding.of != "characters"
        ]
        more = [_against(one) for one in found if one.verdict == "above"]
        less = [_against(one) for one in found if one.verdict == "below"]
        told = [f"higher {listed(more)}"] if more else []
        told += [f"lower {listed(less)}"] if less else []
        beside = f"{column.name} beside random draws of its size"
        if told:
            yield f"{beside}: {'; '.join(told)}."
        elif found and comparison.draws > 1:
            yield f"{beside}: nothing else tells it apart from them."


def _against(finding: Finding) -> str:
    value = written(finding.measure, finding.value)
    chance = ranged(finding.measure, finding.chance)
    return f"{named(finding.measure, finding.of)} ({value} against {chance})"


def _shared(comparison: Comparison) -> Iterator[str]:
    """Tell what the snapshots share, the pairs that share most first."""
    pairs = []
    for one, other in combinations(comparison.of("snapshot"), 2):
        overlap = comparison.overlap(one.key, other.key)
        if overlap is not None:
            pairs.append((one.name, other.name, overlap))
    pairs.sort(key=lambda pair: -pair[2].of_smaller.mean)
    for one_name, other_name, overlap in pairs[:3]:
        chance = "" if overlap.by_chance is None else f"; {overlap.by_chance:,.0f} by chance"
        yield (
            f"{one_name} and {other_name} share {overlap.shared.mean:,.0f} samples, "
            f"{share(overlap.of_smaller.mean)} of the smaller{chance}."
        )
    if len(pairs) > 3:
        yield f"The other {len(pairs) - 3} pairs share less: see the overlaps."
