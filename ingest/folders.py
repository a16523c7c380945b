"""Where a job stages what is not committed yet: made anew, swept when its job was killed."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from catalog.errors import StoreError
from catalog.home import Home
from catalog.jobs import is_alive
from ingest.inputs import Input

UNPACKED_RATIO = 6
"""How much larger than its file compressed text may be, for the check of free disk."""


@contextmanager
def staging_folder(home: Home, job_id: int) -> Iterator[Path]:
    """Make a folder for a job, after removing those of jobs that were killed.

    Its name is new each time: a process of the killed job may still write into the old one.
    """
    sweep(home, job_id)
    home.staging.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f"job-{job_id}-", dir=home.staging))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Home, mine: int) -> None:
    """Remove what killed jobs left in staging, this one among them; they make it anew."""
    for folder in home.staging.glob("job-*-*"):
        job_id = int(folder.name.split("-")[1])
        if job_id == mine or not is_alive(home, job_id):
            shutil.rmtree(folder, ignore_errors=True)


def check_disk(inputs: Sequence[Input], folder: Path) -> None:
    """Check that the text of these inputs has room.

    Raises:
        StoreError: it does not.
    """
    needed = sum(
        place.size_bytes * (UNPACKED_RATIO if place.is_compressed else 1) for place in inputs
    )
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"about {needed / 1e9:.1f} GB of disk are needed, {free / 1e9:.1f} GB are free",
            hint="Free some space, or use a home on another disk.",
        )
