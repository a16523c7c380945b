"""Rows on their way to disk: training hands them over, a thread of their own writes them."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Event, Thread
from zlib import crc32

from catalog.ledger.files import Files
from catalog.ledger.segments import SCHEMAS, Columns, encode, joined, plain_text

FLUSH_ROWS = 100_000
"""Exposures that are written whatever the time."""
HELD_ROWS = 2_000_000
"""Exposures that wait in memory (some 100 MB) while nothing can be written; more are lost."""
PATIENCE_SECONDS = 1.0


@dataclass
class Segment:
    """A file that waits to be written, and what would be lost without it."""

    kind: str
    content: bytes
    rows: int
    first_step: int
    last_step: int


class Outbox:
    """What one process recorded and has not written yet.

    One thread hands over, another writes, and no lock is between them: training waits for a disk
    only where it asks to, and a signal's handler may ask too.

    Args:
        files: where segments go.
        about: `run`, `attempt` and `rank`.
        flush_seconds: how long a row may wait.
    """

    def __init__(self, files: Files, about: Mapping[str, str], flush_seconds: float) -> None:
        self._files, self._about = files, about
        self._seconds = min(flush_seconds, TIMEOUT_MAX)
        self._coming: deque[tuple[str, Columns]] = deque()
        self._asked: SimpleQueue[tuple[Event, bool]] = SimpleQueue()
        self._thread: Thread | None = None
        self._recorded_rows = self._asked_rows = 0
        self._lost: Segment | None = None
        self.news: deque[str] = deque()
        """What is to be warned of: not by the writing thread, where a warning may be an error."""
        # The writing thread's own:
        self._taken: list[tuple[str, Columns]] = []
        self._waiting: deque[Segment] = deque()
        self._written = self._written_rows = 0
        self._troubled = False

    def put(self, kind: str, columns: Columns) -> None:
        """Take over rows of one kind of segment."""
        if kind == "exposures" and not self._has_room(columns["step"]):
            return
        self._coming.append((kind, columns))
        if self._thread is None:
            self._thread = Thread(target=self._work, name="ledger", daemon=True)
            self._thread.start()
        if self._recorded_rows - self._asked_rows >= FLUSH_ROWS:
            self._asked_rows = self._recorded_rows
            self._asked.put((Event(), False))

    def flush(self, *, last: bool = False) -> None:
        """Return when what was put is written, or turned out not to be possible.

        While there is trouble that takes its time, as with a network, nobody waits for its end.

        Args:
            last: nothing comes after it, and what cannot be written now is lost.
        """
        if last:
            self._tell_lost()
        if self._thread is not None and self._thread.is_alive():
            done = Event()
            self._asked.put((done, last))
            done.wait(PATIENCE_SECONDS if self._troubled and not last else None)

    def _has_room(self, steps: Sequence[int]) -> bool:
        """Take exposures into account: as waiting, or as lost if too many wait already."""
        if self._recorded_rows - self._written_rows < HELD_ROWS:
            self._tell_lost()
            self._recorded_rows += len(steps)
            return True
        if self._lost is None:
            self._lost = Segment("exposures", b"", 0, steps[0], steps[0])
            self.news.append(f"is lost from step {steps[0]} on: memory must not hold more of it")
        self._lost.rows += len(steps)
        self._lost.last_step = steps[-1]
        return False

    def _tell_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, None
            self._coming.append(("lost", _lost_row([lost], "memory must not hold more")))
            self.news.append(_lacks([lost], "memory must not hold more"))

    def _work(self) -> None:
        last = False
        while not last:
            asked = []
            with suppress(Empty):
                asked.append(self._asked.get(timeout=self._seconds))
                while True:  # one time of writing is an answer to all
                    asked.append(self._asked.get_nowait())
            last = any(is_last for _, is_last in asked)
            try:
                self._write()
                self._troubled = False
            except Exception as error:  # whatever it is, training goes on and is told
                if not self._troubled:
                    self.news.append(f"cannot be written and waits in memory: {error}")
                self._troubled = True
                if last:
                    self._give_up(str(error))
            for done, _ in asked:
                done.set()

    def _write(self) -> None:
        """Write what came, in order; what fails stays first in line."""
        for _ in range(len(self._coming)):
            self._taken.append(self._coming.popleft())
        kinds = {kind for kind, _ in self._taken}
        came = [self._segment(kind) for kind in SCHEMAS if kind in kinds]
        self._taken.clear()
        self._waiting.extend(came)
        while self._waiting:
            self._put(self._waiting[0])
            self._waiting.popleft()

    def _segment(self, kind: str) -> Segment:
        columns = joined(kind, [columns for name, columns in self._taken if name == kind])
        rows = len(next(iter(columns.values())))
        steps = columns.get("step", [0])
        return Segment(kind, encode(kind, columns, self._about), rows, steps[0], steps[-1])

    def _put(self, segment: Segment) -> None:
        whose = "{attempt:0>4}-{rank:0>5}".format(**self._about)
        # The checksum in its name tells a reader, years later, that not a bit of it has flipped.
        name = f"{whose}-{self._written:08d}-{crc32(segment.content):08x}.{segment.kind}.arrow"
        self._files.put(name, segment.content)
        self._written += 1
        if segment.kind == "exposures":
            self._written_rows += segment.rows

    def _give_up(self, reason: str) -> None:
        """Let go of the exposures that wait; that they are lost may find room, and the rest."""
        lost = [segment for segment in self._waiting if segment.kind == "exposures"]
        if lost:
            row = encode("lost", _lost_row(lost, reason), self._about)
            self._waiting.appendleft(Segment("lost", row, 1, 0, 0))
        for segment in self._waiting:
            if segment.kind != "exposures":
                try:
                    self._put(segment)
                except Exception:
                    lost.append(segment)
        self.news.append(_lacks(lost, reason))


def lost_row(first_step: int, last_step: int, exposures: int, reason: str) -> Columns:
    """Return a row of what is not recorded."""
    return {
        "first_step": [first_step],
        "last_step": [last_step],
        "exposures": [exposures],
        "reason": [plain_text(reason)],
    }


def _lost_row(lost: Sequence[Segment], reason: str) -> Columns:
    rows = sum(segment.rows for segment in lost)
    return lost_row(lost[0].first_step, lost[-1].last_step, rows, reason)


def _lacks(lost: Sequence[Segment], reason: str) -> str:
    """Say what a ledger lacks, in numbers."""
    rows: Counter[str] = Counter()
    for segment in lost:
        rows[segment.kind] += segment.rows
    said = ", ".join(f"{count:,} {kind}" for kind, count in rows.items() if kind != "lost")
    steps = [step for s in lost if s.kind == "exposures" for step in (s.first_step, s.last_step)]
    where = f", of steps {min(steps)} to {max(steps)}" if steps else ""
    return f"lacks {said}{where}: {reason}"
