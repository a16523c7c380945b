"""The embed command."""

from typing import TYPE_CHECKING

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json
from catalog.cli.progress import progress_bar
from catalog.cli.scores import show_unscored

if TYPE_CHECKING:
    from ingest.embedding import EmbedReport


@click.command("embed")
@click.option("--space", required=True, help="Name of the embedding space; made on first use.")
@click.option("--model", help="`minilm`, a folder, or a name on the hub.  [default: minilm]")
@click.option("--pooling", type=click.Choice(["weighted_mean", "mean", "last_token"]))
@click.option("--template", type=click.Choice(["tulu", "plain", "model"]))
@click.option("--text", type=click.Choice(["conversation", "prompt", "response"]))
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longer texts are cut.")
@click.option(
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    help="Of the pass. On a CPU auto is float32, and bfloat16 takes about half the time.",
)
@click.option("--store", type=click.Choice(["float16", "float32"]), help="Dtype on disk.")
@click.option("--device", help="`auto`, `cpu`, `cuda`, `cuda:1`; several: a process for each.")
@click.option("--batch-tokens", type=click.IntRange(min=1), help="Tokens of a batch.")
@click.option("--query-prefix", help="Put before every query's text, such as 'query: ' for E5.")
@click.option("--passage-prefix", help="Put before every sample's text, such as 'passage: '.")
@click.option("--nll", is_flag=True, help="Also score samples by their NLL, from the same pass.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with the model.")
@common
@pass_session
def embed_command(
    session: Session,
    /,
    space: str,
    model: str | None,
    nll: bool,
    batch_tokens: int | None,
    trust_remote_code: bool,
    **options: str | int | None,
) -> None:
    """Give every sample and query that lacks one a vector in a space.

    Defaults are those of RDS+: weighted_mean over the Tülu template of the whole conversation, cut
    at 2048 tokens; with `minilm` its own: mean, plain, 512. An existing space keeps its contract.
    With --nll the scorers `nll` (all tokens) and `answer_nll` (answers, given what precedes) come
    of the same pass, also for samples that have their vectors already.
    """
    import ingest

    with progress_bar() as progress:
        report = ingest.embed(
            session.open(),
            space,
            model=model,
            nll=nll,
            batch_tokens=batch_tokens,
            progress=progress,
            trust_remote_code=trust_remote_code or None,
            **options,
        )
    if session.json:
        return print_json(report)
    _show_report(report)


def _show_report(report: "EmbedReport") -> None:
    contract = report.space.space
    if report.limit:
        click.echo(f"the model's own limit is {report.limit} tokens: longer texts are cut there")
    embedded = f"{count(report.samples, 'sample')} and {count(report.queries, 'query')}"
    if report.samples or report.queries or report.scored:
        rate = report.tokens / report.seconds if report.seconds else 0
        click.echo(
            f"embedded {embedded} ({report.tokens:,} tokens) in {report.seconds:,.1f} s, "
            f"{rate:,.0f} tokens/s"
        )
    else:
        click.echo("nothing to embed: every sample and query has its vector")
    if report.cosine is not None:
        _show_cosine(report.cosine, contract.compute_dtype)
    for name, number in report.scored.items():
        click.echo(f"scored {count(number, 'sample')} as {name}")
    show_unscored(report.unscored, report.renamed)
    if report.empty:
        click.echo(f"{report.empty:,} have no {contract.text} to embed and get no vector")
    for row in report.cut:
        share = row["cut"] / row["samples"]
        click.echo(f"  cut at {contract.max_tokens} tokens: {share:.1%} of {row['source']}")
    click.echo(
        f"space {report.space.name}: {contract.model}, {contract.pooling}, {contract.template}, "
        f"width {contract.width}, {contract.stored_dtype}"
    )


def _show_cosine(cosine: float, dtype: str) -> None:
    from ingest.fidelity import LEAST_COSINE

    click.echo(f"on a few samples {dtype} and float32 agree to a cosine of {cosine:.6f} at least")
    if cosine < LEAST_COSINE:
        click.echo(
            f"warning: that is less than {LEAST_COSINE}: orders will differ from those of float32; "
            "for exact vectors make a space with --dtype float32",
            err=True,
        )
