"""The embed verb: a space is found or made, and what it lacks is filled in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from catalog import schema
from catalog.api import Catalog
from catalog.errors import HomeBusy, InvalidInput
from catalog.home import Home
from catalog.jobs import job
from catalog.model import NamedSpace, check_name
from catalog.progress import Progress, silent
from catalog.spaces import add_space, find_space, require_same
from catalog.sql import load
from catalog.store import Store, Transaction
from catalog.vectors import Vectors
from ingest.crew import Crew, Shares
from ingest.embedding_job import KINDS, Computer, EmbeddingJob
from ingest.encoder import Encoder
from ingest.fidelity import fidelity
from ingest.models import PRESETS
from ingest.options import EncoderOptions
from ingest.passes import Passes
from ingest.windows import BATCH_TOKENS, WINDOW_GROWTH

DEFAULT_MODEL = "minilm"


@dataclass(frozen=True)
class EmbedReport:
    """What embedding did.

    Attributes:
        space: the space, as it is known now.
        samples: how many samples got a vector.
        queries: how many queries got one.
        tokens: how many tokens went through the model.
        empty: how many samples or queries have no text of the part that the space embeds.
        cut: by source, how many samples are cut and how many the space holds.
        seconds: how long it took, loading the model and what it and LanceDB need not counted.
        limit: the model's own limit in tokens, if it lowered what was asked for.
        scored: by scorer's name, how many samples got a score.
        unscored: by reason, how many samples got no score.
        renamed: scorers that could not have their plain name: the plain name, and theirs.
        cosine: of a new space of a lower precision, the smallest cosine between its vectors and
            those of float32 on a few samples; None where it was not measured.
    """

    space: NamedSpace
    samples: int
    queries: int
    tokens: int
    empty: int
    cut: list[dict[str, Any]]
    seconds: float
    limit: int | None
    scored: dict[str, int]
    unscored: dict[str, int]
    renamed: dict[str, str]
    cosine: float | None


def embed(
    catalog: Catalog,
    space: str,
    *,
    model: str | None = None,
    nll: bool = False,
    batch_tokens: int | None = None,
    progress: Progress = silent,
    **options: Any,  # noqa: ANN401 - the fields of EncoderOptions
) -> EmbedReport:
    """Give every pool sample and query that lacks one a vector in a space.

    Args:
        catalog: the catalog to work on.
        space: the space's name; it is made on first use.
        model: a preset, a folder, or a hub's name; an existing space remembers its own.
        nll: from the same forward pass, score every sample by its mean token NLL, and by that of
            its answers given what precedes them (scorers `nll` and `answer_nll`).
        batch_tokens: tokens of a batch, padding included; only speed depends on it.
        progress: is told how far the job is.
        options: fields of `EncoderOptions`; those left out come from the space if it exists, from
            the preset, or from the defaults, in this order.

    Raises:
        SpaceMismatch: the space exists with another contract.
        ModelError: the model cannot be loaded, gives unusable vectors, or has no head for NLL.
        HomeBusy: another process is embedding this space.
        StoreError: the vectors would not fit on the disk.
    """
    check_name(space)
    if batch_tokens is not None and batch_tokens < 1:
        raise InvalidInput(f"batch_tokens is {batch_tokens}, expected at least 1", hint="Try 4096.")
    with Store(catalog.home).read() as reader:
        known = find_space(reader, space)
    if known and known.space.derivation:
        return _transformed(catalog.home, known, progress, model=model, nll=nll or None, **options)
    where = model or (known.location if known else DEFAULT_MODEL)
    asked = space_options(known, where, options)
    with _loaded(where, asked, nll) as encoder:
        empty = known and known.space.differences(encoder.space) and _is_empty(catalog.home, known)
        if known and not empty:
            require_same(known, encoder.space)
            encoder.space = known.space
        cosine = None
        if not known and isinstance(encoder, Encoder):
            cosine = fidelity(catalog.home, encoder, where, asked)
        # What was asked for may be worded otherwise the next time: the contract is what counts.
        parameters = {"space": space, **vars(encoder.space)} | ({"nll": True} if nll else {})
        table = encoder.space.table_name
        with (
            _alone(catalog.home, space, table),
            job(catalog.home, "embed", parameters, table) as now,
        ):
            with Store(catalog.home).write("embed", job_id=now.job_id) as transaction:
                if known and empty:
                    _forget(transaction, known)
                named = add_space(transaction, space, encoder.space, encoder.location)
            size = batch_tokens or BATCH_TOKENS[encoder.processor]
            computer: Computer
            if isinstance(encoder, Crew):
                computer = Shares(catalog.home, encoder, size, nll)
            else:
                computer = Passes(catalog.home, encoder, size, nll)
            growth = WINDOW_GROWTH[encoder.processor]
            work = EmbeddingJob(catalog.home, now, named, computer, growth, nll, progress)
            work.run()
        limit = encoder.limit if encoder.limit < asked.max_tokens else None
        return replace(_report(work), limit=limit, cosine=cosine)


@contextmanager
def _loaded(model: str, options: EncoderOptions, nll: bool) -> Iterator[Encoder | Crew]:
    """Load a model here, or in a process for each of several devices."""
    options.check()
    if len(options.devices) == 1:
        yield Encoder(model, options, head=nll)
        return
    with Crew(model, options, head=nll) as crew:
        yield crew


def _transformed(
    home: Home, known: NamedSpace, progress: Progress, **options: object
) -> EmbedReport:
    """Fill in a space whose vectors are made of another's, by no model."""
    from ingest.derived import fill

    if given := [name for name, value in options.items() if value is not None]:
        raise InvalidInput(
            f"the space {known.name!r} is made of another space's vectors: {given[0]} has no use",
            hint=f"Run `catalog embed --space {known.name}` with no other option.",
        )
    done = fill(home, known, progress)
    return EmbedReport(
        space=done.space,
        samples=done.samples,
        queries=done.queries,
        tokens=0,
        empty=0,
        cut=[],
        seconds=done.seconds,
        limit=None,
        scored={},
        unscored={},
        renamed={},
        cosine=None,
    )


@contextmanager
def _alone(home: Home, space: str, table: str) -> Iterator[None]:
    """Hold a space's vectors, so that nobody else embeds it meanwhile."""
    try:
        with home.lock(table).held(exclusive=True, timeout_seconds=0):
            yield
    except HomeBusy as error:
        if table not in error.message:
            raise
        raise HomeBusy(
            f"another process is embedding the space {space!r}: {error.message}",
            hint="Let it finish: it embeds what is there; then run this again for the rest.",
        ) from error


def _is_empty(home: Home, known: NamedSpace) -> bool:
    """Tell whether a job died before it stored anything, so that the name is free again."""
    if known.space.derivation or not home.lock(known.space.table_name).is_free():
        return False
    with Store(home).read() as reader:
        used = reader.value(load("embed/uses"), space_id=known.space_id)
    return not used and not any(Vectors(home, known.space, kind).count() for kind in KINDS)


def _forget(transaction: Transaction, known: NamedSpace) -> None:
    from sqlalchemy import delete

    for table in (schema.embedding_space, schema.scorer):
        transaction.run(delete(table).where(table.c.space_id == known.space_id))


def _report(work: EmbeddingJob) -> EmbedReport:
    with Store(work.home).read() as reader:
        cut = reader.rows(load("embed/cut"), space_id=work.named.space_id)
    return EmbedReport(
        space=work.named,
        samples=work.done["sample"],
        queries=work.done["query"],
        tokens=work.tokens,
        empty=work.empty,
        cut=cut,
        seconds=work.seconds,
        limit=None,
        scored=dict(work.scored),
        unscored={reason: count for reason, count in work.unscored.items() if count},
        renamed=work.renamed,
        cosine=None,
    )


def space_options(known: NamedSpace | None, model: str, given: dict[str, Any]) -> EncoderOptions:
    """Fill in what was not given: from the space, the preset, or the defaults, in this order."""
    given = {name: value for name, value in given.items() if value is not None}
    if known:
        space = known.space
        base = {
            "pooling": space.pooling,
            "template": space.template,
            "text": space.text,
            "max_tokens": space.max_tokens,
            "dtype": space.compute_dtype,
            "store": space.stored_dtype,
            "query_prefix": space.query_prefix,
            "passage_prefix": space.passage_prefix,
        }
    else:
        base = dict(PRESETS[model].options) if model in PRESETS else {}
    return EncoderOptions(**{**base, **given})
