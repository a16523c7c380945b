"""What the catalog knows of every sample in a comparison, read once, in arrays side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.compare.members import Numbers, numbers
from catalog.scorers import scorers
from catalog.sql import load
from catalog.store import Reader
from catalog.vectors import Ids

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Labels:
    """Texts that some samples have.

    Attributes:
        codes: int64 (n,), a place in `names`, or -1 for none.
        names: every text once, sorted.
    """

    codes: Ids
    names: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Facts of n samples.

    Attributes:
        ids: int64 (n,), ascending.
        order_keys: int64 (n,).
        sources: of every sample the first source by name.
        numbers: by name float64 (n,), not a number where unknown: `tokens` if there is a space,
            `characters`, `turns`, and every scorer that gives numbers.
        labels: by scorer, of those that give texts.
        openings: int64 (n,): samples with the same first words of the user have the same; -1 where
            that was not looked for.
        marked: by task bool (n,): whether it overlaps that task; every task that was checked.
        unchecked: by task bool (n,): whether it came after the check.
    """

    ids: Ids
    order_keys: Ids
    sources: Labels
    numbers: Mapping[str, Numbers]
    labels: Mapping[str, Labels]
    openings: Ids
    marked: Mapping[str, Flags]
    unchecked: Mapping[str, Flags]

    def places(self, ids: Ids) -> Ids:
        """Return where some of the samples stand in these arrays."""
        return np.searchsorted(self.ids, ids)

    def spread_out(self, ids: Ids, values: Numbers) -> Numbers:
        """Return values of some of the samples as float64 (n,), not a number elsewhere."""
        whole = np.full(len(self.ids), np.nan)
        whole[self.places(ids)] = values
        return whole


def read_facts(reader: Reader, ids: Ids, members: Ids, space_id: int | None) -> Facts:
    """Read what is known of some samples.

    Args:
        reader: of the catalog as it is now.
        ids: of all samples, ascending.
        members: those of them whose text is looked at too, ascending.
        space_id: whose token counts are wanted, or None.
    """
    reader.register("wanted", pa.table({"sample_id": ids}))
    found = reader.arrow(load("compare/facts"), space_id=space_id)
    known: dict[str, Numbers] = {"tokens": numbers(found["tokens"])} if space_id else {}
    known |= {name: numbers(found[name]) for name in ("characters", "turns")}
    labels: dict[str, Labels] = {}
    for scorer in scorers(reader):
        said = reader.arrow(load("compare/scores"), scorer_id=scorer.scorer_id)
        places = np.searchsorted(ids, said["sample_id"].to_numpy())
        if said["value"].null_count < len(said):
            known[scorer.name] = np.full(len(ids), np.nan)
            known[scorer.name][places] = numbers(said["value"])
        if said["label"].null_count < len(said):
            labels[scorer.name] = _labels(said["label"], len(ids), places)
    marked, unchecked = _contamination(reader, ids, found["change_id"].to_numpy())
    return Facts(
        ids,
        found["order_key"].to_numpy(),
        _labels(found["source"], len(ids), np.arange(len(ids))),
        known,
        labels,
        _openings(reader, ids, members),
        marked,
        unchecked,
    )


def _labels(column: pa.ChunkedArray, count: int, places: Ids) -> Labels:
    """Return texts as numbers; `places` says which of `count` samples have one."""
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.full(len(texts) + 1, -1, np.int64)
    rank[order] = np.arange(len(texts))
    codes = np.full(count, -1, np.int64)
    codes[places] = rank[coded.indices.fill_null(len(texts)).to_numpy()]
    return Labels(codes, tuple(texts[place] for place in order))


def _openings(reader: Reader, ids: Ids, members: Ids) -> Ids:
    reader.register("wanted", pa.table({"sample_id": members}))
    found = reader.arrow(load("compare/openings"))
    openings = np.full(len(ids), -1, np.int64)
    openings[np.searchsorted(ids, members)] = found["opening"].to_numpy()
    reader.register("wanted", pa.table({"sample_id": ids}))
    return openings


def _contamination(
    reader: Reader, ids: Ids, changes: Ids
) -> tuple[dict[str, Flags], dict[str, Flags]]:
    """Return by task which samples are marked, and which came after the check."""
    marks = reader.arrow(load("compare/marks"))
    names = _names(marks["task"], marks["role"])
    marked, unchecked = {}, {}
    for check in reader.rows(load("compare/checks")):
        name = task_name(check["task"], check["role"])
        mine = marks["sample_id"].to_numpy()[names == name]
        marked[name] = np.isin(ids, mine)
        unchecked[name] = changes > check["change_id"]
    return marked, unchecked


def _names(tasks: pa.ChunkedArray, roles: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    pairs = zip(tasks.to_pylist(), roles.to_pylist(), strict=True)
    return np.array([task_name(task, role) for task, role in pairs], object)


def task_name(task: str, role: str) -> str:
    """Return a task as `--task` takes it.

    >>> task_name("gsm8k", "select"), task_name("gsm8k", "heldout")
    ('gsm8k', 'gsm8k:heldout')
    """
    return task if role == "select" else f"{task}:{role}"
