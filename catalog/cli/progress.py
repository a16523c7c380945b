"""Progress on standard error: a bar in a terminal, a line now and then where it is piped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import click

from catalog.progress import Progress, Tick

LINE_SECONDS = 5.0
BAR_SECONDS = 0.1


def describe(tick: Tick, seconds: float) -> str:
    """Return how far a job is, how fast, and how long it will take.

    >>> describe(Tick("embed", 0.25, {"samples": 500, "tokens": 60_000}), 10.0)
    'embed 25% · 500 samples (50/s) · 60,000 tokens (6,000/s) · 30 s left'
    """
    done = "" if tick.fraction is None else f" {tick.fraction:.0%}"
    parts = [f"{tick.job}{done}"]
    for unit, number in tick.counts.items():
        rate = f" ({number / seconds:,.0f}/s)" if seconds > 0 else ""
        parts.append(f"{number:,} {unit}{rate}")
    if tick.fraction and seconds > 0:
        parts.append(f"{_span(seconds / tick.fraction - seconds)} left")
    return " · ".join(parts)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class _Shown:
    """Keeps the time, so that rates start with the work and not with the process."""

    def __init__(self) -> None:
        self._job = ""
        self._begun_at = self._shown_at = 0.0
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def __call__(self, tick: Tick) -> None:
        """Show a tick, if it is time to."""
        now = monotonic()
        if tick.job != self._job:
            self.close()
            self._job, self._begun_at, self._shown_at = tick.job, now, now
            return
        pause = BAR_SECONDS if self._terminal else LINE_SECONDS
        if now - self._shown_at < pause and tick.fraction != 1.0:
            return
        if tick.fraction == 1.0 and not self._drawn:
            return
        self._shown_at = now
        text = describe(tick, now - self._begun_at)
        if self._terminal:
            self._draw(tick.fraction, text)
        else:
            click.echo(text, err=True)
        self._drawn = True

    def _draw(self, fraction: float | None, text: str) -> None:
        from shutil import get_terminal_size

        width = 24
        filled = round((fraction or 0) * width)
        bar = "" if fraction is None else f"{'━' * filled}{'╌' * (width - filled)} "
        line = f"{bar}{text}"[: get_terminal_size().columns - 1]
        click.echo(f"\r\033[K{line}", err=True, nl=False)

    def close(self) -> None:
        """Leave the line, if one was drawn."""
        if self._terminal and self._drawn:
            click.echo("\r\033[K", err=True, nl=False)
        self._drawn = False


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show what is told to it while the block runs."""
    shown = _Shown()
    try:
        yield shown
    finally:
        shown.close()
