"""Build the wheel, install it into an empty environment, and use it from another folder.

Run as `python -m tests.wheel`, after the test suite: what works in a checkout may lack files when
it is installed.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import click

PROJECT = Path(__file__).parents[1]


def run(*words: str | Path, cwd: Path) -> str:
    """Run a command and return what it prints; its failure ends this program."""
    click.echo(f"$ {' '.join(map(str, words))}")
    done = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        click.echo(done.stdout + done.stderr)
        sys.exit(done.returncode)
    return done.stdout


def main() -> None:
    """Build, install, `catalog --help`, `catalog init`, and a first selection with its page."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
        constraints = PROJECT / "constraints.txt"
        run(*pip, "wheel", "--no-deps", "-c", constraints, "-w", place, PROJECT, cwd=place)
        [wheel] = place.glob("instruct_catalog-*.whl")
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        installer = (python, "-m", "pip", "--disable-pip-version-check", "--quiet")
        run(*installer, "install", "-c", constraints, wheel, cwd=place)
        catalog = place / "venv" / "bin" / "catalog"
        elsewhere = place / "elsewhere"
        elsewhere.mkdir()
        if "Commands:" not in run(catalog, "--help", cwd=elsewhere):
            sys.exit("catalog --help lists no commands")
        run(catalog, "init", cwd=elsewhere)
        (elsewhere / "one.jsonl").write_text(
            '{"prompt": "1 + 1?", "completion": "2"}\n', encoding="utf-8"
        )
        run(catalog, "ingest", "one.jsonl", "--source", "sums", cwd=elsewhere)
        run(catalog, "select", "one", "--method", "random", "--size", "1", cwd=elsewhere)
        if "1 member hashed anew" not in run(catalog, "verify", "one", cwd=elsewhere):
            sys.exit("catalog verify did not verify")
        run(catalog, "compare", "one", "--html", "page.html", cwd=elsewhere)
        if "<svg" not in (elsewhere / "page.html").read_text(encoding="utf-8"):
            sys.exit("catalog compare draws nothing")
    click.echo("the wheel installs and works on its own")


if __name__ == "__main__":
    main()
