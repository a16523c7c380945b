"""The catalog as one object: every verb that the command has, for Python."""

from catalog.api.auditing import Auditing
from catalog.api.choosing import Choosing
from catalog.api.exploring import Exploring
from catalog.api.keeping import Keeping
from catalog.api.result import Result
from catalog.api.taking_back import TakingBack
from catalog.api.training import Training

__all__ = ["Catalog", "Result"]


class Catalog(Choosing, Keeping, Exploring, Auditing, Training, TakingBack):
    """An open catalog. It holds no connection, so any number of them may be around."""
