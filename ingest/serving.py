"""One process of a crew: loads a model, then gives what it is asked for."""

import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from catalog.errors import CatalogError
from catalog.home import Home
from ingest.crew import Loaded, Model
from ingest.encoder import Encoder
from ingest.passes import Passes
from ingest.pipes import write


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Load a `Model`, tell what was `Loaded`; then answer one `Wanted` after another.

    Args:
        asked: pickled questions; None ends them.
        answers: pickled answers, as `Passes.over` gives them; None ends them.
    """
    model: Model = pickle.load(asked)
    encoder = Encoder(model.model, model.options, head=model.head)
    told = Loaded(encoder.space, encoder.location, encoder.limit, encoder.processor)
    write(answers, told)
    place: Path
    place, encoder.space, batch_tokens, nll = pickle.load(asked)
    passes = Passes(Home.at(place), encoder, batch_tokens, nll)
    for answer in passes.over(iter(lambda: pickle.load(asked), None)):
        write(answers, answer)
    write(answers, None)


def main() -> None:
    """Serve one parent until its pipe closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    with suppress(EOFError, BrokenPipeError):  # the parent is done with us, or was killed
        try:
            serve(sys.stdin.buffer, answers)
        except CatalogError as error:
            write(answers, error)


if __name__ == "__main__":
    main()
