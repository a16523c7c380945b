"""What one process does of an embed job: texts are read, tokenised and passed through the model."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from catalog.home import Home
from catalog.store import Store
from catalog.vectors import Embedded, Ids, Kind
from ingest.batching import by_tokens
from ingest.encoder import Encoder
from ingest.reading import read_window
from ingest.scores.columns import Values, mean_nlls
from ingest.tokens import Flags
from ingest.windows import WINDOW_SAMPLES, ahead, behind

TokenIds = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Wanted:
    """Some samples or queries, and what each of them lacks.

    Attributes:
        kind: which of the two.
        ids: of them, ascending.
        bare: which lack a vector, bool (n,).
        unheard: which lack their scores, bool (n,).
    """

    kind: Kind
    ids: Ids
    bare: Flags
    unheard: Flags


@dataclass(frozen=True)
class Tokenised:
    """The same, tokenised.

    Attributes:
        wanted: what is asked for, of those that were found.
        tokens: of each text, cut at the limit, int32 (tokens,).
        lengths: tokens of each whole text, int32 (n,).
        answers: which of its tokens are answers, bool (tokens,); empty if nobody asks.
    """

    wanted: Wanted
    tokens: list[TokenIds]
    lengths: npt.NDArray[np.int32]
    answers: list[Flags]


@dataclass(frozen=True)
class Read:
    """A window was read.

    Attributes:
        empty: how many of its texts are empty.
        short: how many lack scores and are too short to get any.
    """

    empty: int
    short: int


@dataclass(frozen=True)
class Batch:
    """What one forward pass gave.

    Attributes:
        kind: of samples or of queries.
        ids: of them.
        truncated: whether each text was cut.
        tokens: how many went through the model.
        embedded: their vectors, if those were lacking.
        nlls: their NLL and that of their answers, NaN where they have none; if those were lacking.
    """

    kind: Kind
    ids: Ids
    truncated: Flags
    tokens: int
    embedded: Embedded | None
    nlls: tuple[Values, Values] | None


@dataclass(frozen=True)
class Passes:
    """Gives samples and queries what they lack, a window read while the one before is computed.

    Attributes:
        home: where the texts are.
        encoder: of the space.
        batch_tokens: tokens of a batch, padding included.
        nll: whether scores are asked for.
    """

    home: Home
    encoder: Encoder
    batch_tokens: int
    nll: bool

    def over(self, wanted: Iterable[Wanted]) -> Iterator[Read | Batch]:
        """Give what every forward pass gave, and before those of a window that it was read."""
        windows = ahead(partial(self._read, some) for some in wanted)
        yield from behind(begun for window in windows for begun in self._begin(window))

    def _read(self, wanted: Wanted) -> Tokenised:
        """Read some conversations and tokenise them."""
        store, answers = Store(self.home), self.nll and wanted.kind == "sample"
        there = np.zeros(len(wanted.ids), bool)
        lengths, tokens, flags = list[int](), list[TokenIds](), list[Flags]()
        for start in range(0, len(wanted.ids), WINDOW_SAMPLES):
            ids = wanted.ids[start : start + WINDOW_SAMPLES]
            found = read_window(store, self.encoder, wanted.kind, ids, answers)
            there[start : start + WINDOW_SAMPLES] = np.isin(ids, found.ids)
            lengths += found.tokens.lengths
            tokens += [np.array(some, np.int32) for some in found.tokens.ids]
            flags += found.answers
        some = Wanted(wanted.kind, wanted.ids[there], wanted.bare[there], wanted.unheard[there])
        return Tokenised(some, tokens, np.array(lengths, np.int32), flags)

    def _begin(self, window: Tokenised) -> Iterator[Callable[[], Read | Batch]]:
        """Begin one forward pass after another; each call waits for one to end."""
        bare, unheard, lengths = window.wanted.bare, window.wanted.unheard, window.lengths
        told = Read(int((lengths == 0).sum()), int((unheard & (lengths < 2)).sum()))
        yield lambda: told
        for vector, score in ((True, True), (True, False), (False, True)):
            least = 1 if vector else 2
            rows = np.flatnonzero((bare == vector) & (unheard == score) & (lengths >= least))
            sizes = [len(window.tokens[row]) for row in rows]
            for batch in by_tokens(sizes, self.batch_tokens, self.encoder.limit):
                yield self._pass(window, rows[batch], vector, score)

    def _pass(self, window: Tokenised, rows: Ids, vector: bool, score: bool) -> Callable[[], Batch]:
        """Run the model once over a batch."""
        texts = [window.tokens[row] for row in rows]
        states = self.encoder.states(texts)
        lengths, ids = window.lengths[rows], window.wanted.ids[rows]
        truncated = lengths > self.encoder.space.max_tokens
        coming = self.encoder.vectors(states) if vector else None
        nlls = None
        if score:
            costs = self.encoder.nlls(states)
            nlls = mean_nlls(costs), mean_nlls(costs, [window.answers[row] for row in rows])

        def end() -> Batch:
            embedded = None
            if coming:
                vectors, norms = coming()
                embedded = Embedded(ids, vectors, norms, lengths, truncated)
            count = sum(map(len, texts))
            return Batch(window.wanted.kind, ids, truncated, count, embedded, nlls)

        return end
