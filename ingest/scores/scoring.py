"""The score verb: what a language model says of every sample, computed where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, get_args

from catalog.api import Catalog
from catalog.errors import HomeBusy, InvalidInput
from catalog.home import Home
from catalog.jobs import job
from catalog.progress import Progress, silent
from catalog.scorers import check_scorer_name, identifier
from catalog.selecting.pool import read_pool
from catalog.spaces import the_space
from catalog.store import Store
from ingest.embedding import space_options
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from ingest.scores.columns import ANSWER_NLL
from ingest.scores.ifd import IFD, AlonePlan, CherryPlan
from ingest.scores.job import ScoreJob
from ingest.scores.plans import NllPlan, Plan
from ingest.windows import BATCH_TOKENS

ScorerKind = Literal["nll", "answer_nll", "ifd"]
Prompt = Literal["template", "cherry"]
CHERRY_MAX_TOKENS = 512


@dataclass(frozen=True)
class ScoreReport:
    """What scoring did.

    Attributes:
        scored: by scorer's name, how many samples got a score.
        unscored: by reason, how many samples got none.
        renamed: scorers that could not have their plain name: the plain name, and theirs.
        pool: how many samples the scorer was asked about.
        tokens: how many tokens went through the model.
        seconds: how long it took, loading the model not counted.
        limit: the model's own limit in tokens, if it lowered what was asked for.
        contract: all that must agree before two of the scores may be compared.
    """

    scored: dict[str, int]
    unscored: dict[str, int]
    renamed: dict[str, str]
    pool: int
    tokens: int
    seconds: float
    limit: int | None
    contract: dict[str, Any]


def score(
    catalog: Catalog,
    scorer: ScorerKind,
    *,
    model: str | None = None,
    space: str | None = None,
    name: str | None = None,
    prompt: Prompt = "template",
    where: str | None = None,
    batch_tokens: int | None = None,
    progress: Progress = silent,
    **options: Any,  # noqa: ANN401 - the fields of EncoderOptions
) -> ScoreReport:
    """Give every pool sample that lacks one a score by a language model.

    Args:
        catalog: the catalog to work on.
        scorer: `nll` and `answer_nll` come of one pass; `ifd` may need two.
        model: a folder, or a name on the hub.
        space: instead of a model: that of an embedding space, and its template and limits.
        name: what the scorer is called; its kind if that is free.
        prompt: of `ifd`: `template`, or `cherry` as in the official scripts.
        where: SQL condition on the pool: score these samples only.
        batch_tokens: tokens of a batch, padding included; only speed depends on it.
        progress: is told how far the job is.
        options: fields of `EncoderOptions`; those left out come from the space, or the defaults.

    Raises:
        ModelError: the model cannot be loaded, has no head, or gives unusable numbers.
        ScorerMismatch: the name stands for a scorer with another contract.
        HomeBusy: another process is computing the same.
    """
    _check(scorer, prompt, name, model, space, batch_tokens)
    cherry = scorer == IFD and prompt == "cherry"
    where_from, asked = _options(catalog.home, model, space, options, cherry)
    store = Store(catalog.home)
    pool = read_pool(store, where, None).samples["sample_id"].to_numpy()
    encoder = Encoder(where_from, asked, head=True)
    plans = _plans(encoder, scorer, cherry, name, identifier(space or encoder.space.model))
    with store.read() as reader:
        for column in plans[-1].columns:
            column.find(reader)  # a name that stands for something else is refused at once
    contract = dict(plans[-1].columns[scorer == ANSWER_NLL].contract)
    parameters = {"scorer": scorer, "name": name, **contract}
    with _alone(catalog.home, contract), job(catalog.home, "score", parameters, where) as now:
        size = batch_tokens or BATCH_TOKENS[encoder.processor]
        work = ScoreJob(store, now, encoder, size, progress)
        for plan in plans:
            work.unscored.clear()  # what the first pass could not score, the second tells again
            work.run(plan, pool)
        work.finish()
    return ScoreReport(
        scored=dict(work.scored),
        unscored={reason: count for reason, count in work.unscored.items() if count},
        renamed=work.renamed,
        pool=len(pool),
        tokens=work.tokens,
        seconds=work.seconds,
        limit=encoder.limit if encoder.limit < asked.max_tokens else None,
        contract=contract,
    )


def _check(
    scorer: str,
    prompt: str,
    name: str | None,
    model: str | None,
    space: str | None,
    batch_tokens: int | None,
) -> None:
    for what, given, choices in (
        ("scorer", scorer, get_args(ScorerKind)),
        ("prompt", prompt, get_args(Prompt)),
    ):
        if given not in choices:
            raise InvalidInput(f"no {what} {given!r}", hint=f"Choices: {', '.join(choices)}.")
    if prompt == "cherry" and scorer != IFD:
        raise InvalidInput(f"{scorer} has no prompt of its own", hint="Leave --prompt out.")
    if name is not None:
        check_scorer_name(name)
    if (model is None) == (space is None):
        raise InvalidInput(
            f"{'both a model and' if model else 'neither a model nor'} a space given, expected one",
            hint="Say with --model or --space whose words are to count.",
        )
    if batch_tokens is not None and batch_tokens < 1:
        raise InvalidInput(f"batch_tokens is {batch_tokens}, expected at least 1", hint="Try 4096.")


def _options(
    home: Home, model: str | None, space: str | None, given: dict[str, Any], cherry: bool
) -> tuple[str, EncoderOptions]:
    """Return where the model is, and how to use it."""
    known = None
    if space is not None:
        with Store(home).read() as reader:
            known = the_space(reader, space)
    where = model or (known.location if known else "")
    if cherry:
        given = {"max_tokens": CHERRY_MAX_TOKENS} | {
            field: value for field, value in given.items() if value is not None
        }
    return where, space_options(known, where, given)


def _plans(
    encoder: Encoder, scorer: str, cherry: bool, name: str | None, suffix: str
) -> list[Plan]:
    """Return what is to be run, in order; the last one fills what was asked for."""
    if cherry:
        return [CherryPlan(encoder, suffix, name)]
    if scorer == IFD:
        return [NllPlan(encoder, suffix), AlonePlan(encoder, suffix, name)]
    return [NllPlan(encoder, suffix, {scorer: name} if name else None)]


@contextmanager
def _alone(home: Home, contract: dict[str, Any]) -> Iterator[None]:
    """Hold a scorer, so that nobody else computes the same meanwhile."""
    told = {field: value for field, value in contract.items() if field != "model"}
    mark = f"score-{sha256(repr(sorted(told.items())).encode()).hexdigest()[:12]}"
    try:
        with home.lock(mark).held(exclusive=True, timeout_seconds=0):
            yield
    except HomeBusy as error:
        if mark not in error.message:
            raise
        raise HomeBusy(
            f"another process is computing the same scores: {error.message}",
            hint="Let it finish; then run this again for what it left.",
        ) from error
