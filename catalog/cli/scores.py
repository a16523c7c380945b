"""Commands on scores: compute them, list them, take them in from elsewhere."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from ingest.scores.importing import ScoresReport
    from ingest.scores.scoring import ScoreReport

COLUMNS = ("name", "samples", "cut", "lowest", "median", "highest", "labels", "contract")


@click.command("score")
@click.option(
    "--scorer",
    required=True,
    type=click.Choice(["nll", "answer_nll", "ifd"]),
    help="Mean token NLL of a sample; of its answers; or how little a prompt helps its answer.",
)
@click.option("--model", help="A folder, or a name on the hub.")
@click.option("--space", help="Instead of --model: an embedding space's model, template, limits.")
@click.option("--name", help="What the scorer is called.  [default: its kind, if free]")
@click.option(
    "--prompt",
    type=click.Choice(["template", "cherry"]),
    default="template",
    show_default=True,
    help="Of ifd: the space's template, or the official scripts' (single-turn samples, Alpaca).",
)
@click.option("--template", type=click.Choice(["tulu", "plain", "model"]), help="Of the text.")
@click.option("--text", type=click.Choice(["conversation", "prompt", "response"]), help="Its part.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longer texts are cut.")
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), help="Of the pass."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to compute.")
@click.option("--batch-tokens", type=click.IntRange(min=1), help="Tokens of a batch.")
@click.option("--where", help="SQL condition on the pool: score these samples only.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with the model.")
@common
@pass_session
def score_command(
    session: Session,
    /,
    scorer: str,
    prompt: str,
    trust_remote_code: bool,
    **options: str | int | None,
) -> None:
    """Give every sample that lacks one a score by a language model.

    What has a score with the same contract (model, revision, template, limits) keeps it: a grown
    pool pays for its new samples only, and `catalog embed --nll` and this share what they compute.
    """
    import ingest

    with progress_bar() as progress:
        report = ingest.score(
            session.open(),
            scorer,  # type: ignore[arg-type] # click has checked it
            prompt=prompt,  # type: ignore[arg-type]
            progress=progress,
            trust_remote_code=trust_remote_code or None,
            **options,  # type: ignore[arg-type] # and each has its own type
        )
    if session.json:
        return print_json(report)
    _show_report(report)


def _show_report(report: "ScoreReport") -> None:
    if report.limit:
        click.echo(f"the model's own limit is {report.limit} tokens: longer texts are cut there")
    if sum(report.scored.values()):
        rate = report.tokens / report.seconds if report.seconds else 0
        told = ", ".join(f"{name} of {number:,}" for name, number in report.scored.items())
        click.echo(
            f"scored {told} of {count(report.pool, 'sample')} ({report.tokens:,} tokens) in "
            f"{report.seconds:,.1f} s, {rate:,.0f} tokens/s"
        )
    else:
        click.echo(f"nothing to score: all of {count(report.pool, 'sample')} that can have one do")
    show_unscored(report.unscored, report.renamed)


def show_unscored(unscored: Mapping[str, int], renamed: Mapping[str, str]) -> None:
    """Print why samples got no score, and which scorers are called otherwise than expected."""
    for reason, number in unscored.items():
        if number:
            click.echo(f"  no score for {count(number, 'sample')}: {reason}")
    for plain, name in renamed.items():
        click.echo(f"{plain} is taken by a scorer with another contract: these are called {name}")


@click.group("scores", cls=CatalogGroup, invoke_without_command=True)
@common
@click.pass_context
def scores_group(context: click.Context) -> None:
    """List the scorers, or take scores in."""
    if context.invoked_subcommand:
        return
    session = context.ensure_object(Session)
    rows = session.open().scorers()
    if session.json:
        return print_json({"scorers": rows})
    if rows:
        print_table([row | {"contract": _in_short(row["contract"])} for row in rows], COLUMNS)
    else:
        click.echo("no scorer yet. Make one with: catalog score --scorer nll --model MODEL")


def _in_short(contract: Mapping[str, Any]) -> str:
    """Say what a contract is about, without the digests."""
    known = ("model", "prompt", "template", "text", "max_tokens", "compute_dtype")
    if contract.get("kind") != "imported":
        return ", ".join(str(contract[field]) for field in known if field in contract)
    other = {field: v for field, v in contract.items() if field not in ("kind", "scorer")}
    return shorten(", ".join(["imported", *(f"{field} {v}" for field, v in other.items())]), 60)


@scores_group.command("import")
@click.argument("path")
@click.option("--scorer", required=True, help="What the scorer is called; a column in --where.")
@click.option("--column", help="Where the score is.  [default: score, value, label, or SCORER]")
@click.option("--id-column", help="Where the sample is named.  [default: hash, content_hash, id]")
@click.option("--source", help="Look for ids in this source only.")
@click.option("--label", is_flag=True, help="Scores are texts, even where they look like numbers.")
@click.option("--contract", multiple=True, metavar="KEY=VALUE", help="Said of the scorer; repeat.")
@click.option("--replace", is_flag=True, help="Give scored samples the scores of this file.")
@common
@pass_session
def scores_import_command(
    session: Session,
    path: str,
    scorer: str,
    column: str | None,
    id_column: str | None,
    source: str | None,
    label: bool,
    contract: tuple[str, ...],
    replace: bool,
) -> None:
    """Take scores in from PATH: JSONL, CSV or Parquet, one row per sample.

    A sample is named by its content hash (64 hexadecimal digits) or by the id it came with. Scores
    are numbers, or texts such as languages. The same file again changes nothing.
    """
    import ingest

    said = dict(_pair(given) for given in contract)
    report = ingest.import_scores(
        session.open(),
        path,
        scorer=scorer,
        column=column,
        id_column=id_column,
        source=source,
        label=label,
        contract=said,
        replace=replace,
    )
    if session.json:
        return print_json(report)
    _show_import(report)


def _pair(given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not (key and equals):
        raise click.BadParameter(f"{given!r} is no KEY=VALUE", param_hint="--contract")
    return key, value


def _show_import(report: "ScoresReport") -> None:
    click.echo(
        f"{report.scorer}: read {count(report.read, 'row')}: {report.added:,} scores added, "
        f"{report.replaced:,} replaced, {report.unchanged:,} there already, "
        f"{sum(report.refused.values()):,} refused"
    )
    for reason, number in report.refused.items():
        click.echo(f"  {reason}: {count(number, 'row')}, such as")
        for example in report.examples[reason]:
            click.echo(f"    {shorten(example)}")
    click.echo(f"{report.scorer} now has scores of {count(report.scored, 'sample')}")
