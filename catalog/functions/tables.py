"""The catalog's own table functions in SQL: nearest, similarity and neighbor.

`prepare` finds the calls in a statement and computes them, with nothing held; the statement then
runs over the catalog as it was at that moment, and sees what was computed:

    prepared = prepare(home, query, params)
    with Store(home, as_of=prepared.as_of).sandbox() as reader:
        prepared.register(reader)
        table = reader.arrow(query, **params)

A call is computed once, however often it stands there, and all calls to one space in one pass over
its vectors. A statement without a call costs nothing and `as_of` is what was given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from catalog.errors import UnknownName
from catalog.functions.calls import SIGNATURES, Call, bind, find_calls, signature
from catalog.functions.encoding import Encode, encode_texts
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress, silent
from catalog.sql import Query, load
from catalog.store import Reader, Store
from catalog.tasks import resolve, task_queries

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.functions.nearest import Question, Samples
    from catalog.vectors import Ids

NEAREST = ("sample_id", "score", "rank")
"""What `nearest` has of what `neighbor` has."""


@dataclass(frozen=True)
class Prepared:
    """The calls of a statement, computed.

    Attributes:
        as_of: the change after which the statement is to see the catalog; None is now.
        relations: what each call gave.
    """

    as_of: int | None
    relations: "Mapping[Call, pa.Table]"

    def register(self, reader: Reader) -> None:
        """Make the functions known to a connection."""
        for function in SIGNATURES:
            calls = [call for call in self.relations if call.function == function]
            if calls:
                self._register(reader, function, calls)

    def _register(self, reader: Reader, function: str, calls: Sequence[Call]) -> None:
        """Make one function: a macro over its answers, each beside the arguments it belongs to."""
        import duckdb

        parts: list[str] = []
        tables: list[pa.Table] = []
        for number, call in enumerate(calls):
            name = f"{function}_answer_{number}"
            answer = self.relations[call]
            tables.append(_with_hashes(reader, answer) if function == "nearest" else answer)
            reader.register(name, tables[-1])
            asked = (
                f"{duckdb.ConstantExpression(value)} as _{argument}"
                for argument, value in zip(SIGNATURES[function], call.arguments, strict=True)
            )
            parts.append(f"select {', '.join(asked)}, * from {name}")
        same = " and ".join(f"_{name} is not distinct from {name}" for name in SIGNATURES[function])
        columns = ", ".join(tables[0].column_names)
        reader.define(
            f"create or replace temp macro {signature(function)} as table "
            f"select {columns} from ({' union all '.join(parts)}) where {same}"
        )


def prepare(
    home: Home,
    query: Query,
    params: Mapping[str, object] | None = None,
    *,
    encode: Encode | None = None,
    as_of: int | None = None,
    among: "Ids | None" = None,
    progress: Progress = silent,
) -> Prepared:
    """Compute the calls of nearest, similarity and neighbor in a statement.

    Args:
        home: the catalog's.
        query: the statement.
        params: its parameters; they may stand as arguments.
        encode: embeds the texts of `nearest`; what is plugged into `encoding` if None.
        as_of: the pool is the one after this change; None is now.
        among: the samples to search among, int64; None is the whole pool.
        progress: is told how far scoring is.

    Raises:
        InvalidQuery: a call has other arguments than the function.
        InvalidInput: k is less than 1, or a text is empty.
        UnknownName: there is no such task or space, or a space must be named.
        MissingVectors: samples or queries have none in the space.
        ModelError: the space's model cannot be loaded.
    """
    found = find_calls(query)
    if not found:
        return Prepared(as_of, {})
    from catalog.functions.known import known, pool
    from catalog.functions.nearest import check_count

    calls = list(
        dict.fromkeys(bind(Store(home, as_of=as_of), call, params or {}) for call in found)
    )
    for call in calls:
        if "k" in SIGNATURES[call.function]:
            check_count(call.value("k"))
    now = known(home, as_of)
    asked = [_Asked(call, _space(now.spaces, call), None) for call in reversed(calls)]
    if any("task" in SIGNATURES[call.function] for call in calls):
        with Store(home, as_of=now.clock).read() as reader:
            asked = [replace(one, task=_task(reader, one.call)) for one in asked]
    samples = pool(home, now)
    if among is not None:
        samples = samples.among(among)
    relations: dict[Call, pa.Table] = {}
    for group in _together(asked):
        relations |= _compute(home, group, samples, encode, progress)
    return Prepared(now.clock, relations)


@dataclass(frozen=True)
class _Asked:
    """A call with what its names stand for; `task` is None for a call with a text."""

    call: Call
    named: NamedSpace
    task: TaskQueries | None


def _space(spaces: Mapping[str, NamedSpace], call: Call) -> NamedSpace:
    if call.value("space") is None and len(spaces) > 1:
        raise UnknownName(
            f"{call.function}() needs the name of one of {len(spaces)} embedding spaces",
            hint=f"Say which: space := '{next(iter(spaces))}'. Known spaces: {', '.join(spaces)}.",
        )
    from catalog.spaces import pick  # which takes longer to import than most statements take

    return pick(spaces, call.value("space"))


def _task(reader: Reader, call: Call) -> TaskQueries | None:
    if "task" not in SIGNATURES[call.function]:
        return None
    return task_queries(reader, resolve(reader, call.value("task")))


def _together(asked: Sequence[_Asked]) -> Iterator[list[_Asked]]:
    """Give the calls that one pass over a space can answer."""
    groups: dict[tuple[int, bool], list[_Asked]] = {}
    for one in asked:
        groups.setdefault((one.named.space_id, one.call.value("skip_missing")), []).append(one)
    yield from groups.values()


def _compute(
    home: Home,
    group: Sequence[_Asked],
    samples: "Samples",
    encode: Encode | None,
    progress: Progress,
) -> "dict[Call, pa.Table]":
    """Answer calls to one space."""
    from catalog.functions.nearest import answer, with_vectors
    from catalog.functions.resident import searchable

    named = group[0].named
    vectors = searchable(home, named)
    skip = group[0].call.value("skip_missing")
    held = with_vectors(vectors, named, samples, skip_missing=skip, skip="skip_missing := true")
    questions = _questions(home, group, held, encode)
    answer(vectors, held, questions, progress)
    return {
        one.call: _relation(one, question, held)
        for one, question in zip(group, questions, strict=True)
    }


def _questions(
    home: Home, group: Sequence[_Asked], samples: "Samples", encode: Encode | None
) -> "list[Question]":
    """Return each call's vectors and what will keep its scores."""
    from catalog.functions.nearest import Question, task_vectors
    from catalog.similarity import BestPerTask, TopPerQuery

    named = group[0].named
    texts = list(dict.fromkeys(one.call.value("text") for one in group if one.task is None))
    vectors = encode_texts(home, named, texts, encode) if texts else ()
    encoded = dict(zip(texts, vectors, strict=True))
    questions = []
    for one in group:
        if one.task is None:
            queries = encoded[one.call.value("text")][None]
        else:
            queries = task_vectors(home, named, one.task.task.name, one.task.query_ids)
        keeper: BestPerTask | TopPerQuery
        if one.call.function != "neighbor":  # all scores of one query are little to hold
            keeper = BestPerTask([len(queries)], len(samples.ids))
        else:
            limit = min(one.call.value("k"), len(samples.ids))
            keeper = TopPerQuery(len(queries), limit, samples.order_keys)
        questions.append(Question(queries, keeper))
    return questions


def _relation(one: _Asked, question: "Question", samples: "Samples") -> "pa.Table":
    """Return what a call gives, in the columns of its function."""
    import numpy as np
    import pyarrow as pa

    from catalog.similarity import BestPerTask, TopPerQuery

    query_ids = np.array(one.task.query_ids if one.task else [0], np.int64)
    if one.call.function == "similarity":
        assert isinstance(question.answer, BestPerTask)
        return pa.table(
            {
                "sample_id": samples.ids,
                "score": question.answer.scores[0],
                "query_id": query_ids[question.answer.queries[0]],
            }
        )
    lists = []
    if isinstance(question.answer, TopPerQuery) and len(samples.ids):
        lists = list(question.answer.top())
    elif isinstance(question.answer, BestPerTask) and len(samples.ids):
        lists = list(question.answer.top(one.call.value("k"), samples.order_keys))
    positions = np.concatenate([np.empty(0, np.int64), *(found for found, _, _ in lists)])
    scores = np.concatenate([np.empty(0, np.float32), *(found for _, found, _ in lists)])
    queries = np.concatenate([np.empty(0, np.int64), *(found for _, _, found in lists)])
    columns = {
        "query_id": query_ids[queries],
        "query_position": queries,
        "sample_id": samples.ids[positions],
        "score": scores,
        "rank": np.arange(len(queries)) - np.searchsorted(queries, queries),
    }
    return pa.table(columns if one.task else {name: columns[name] for name in NEAREST})


def _with_hashes(reader: Reader, answer: "pa.Table") -> "pa.Table":
    """Add the samples' hashes to what `nearest` gives."""
    ids = answer["sample_id"].to_pylist()
    rows = reader.rows(load("search/hashes"), ids=sorted(ids))
    hashes = {row["sample_id"]: row["hash"] for row in rows}
    return answer.add_column(1, "hash", [[hashes[key] for key in ids]])
