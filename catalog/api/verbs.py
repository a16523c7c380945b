"""What every group of verbs stands on."""

from typing import TYPE_CHECKING

from catalog.home import Home

if TYPE_CHECKING:
    from catalog.store import Rows


class Verbs:
    """Verbs on one home. They hold no connection, so any number of them may be around."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def _show(self, name: str) -> "Rows":
        from catalog.sql import load
        from catalog.store import Store

        with Store(self.home).read() as reader:
            return reader.rows(load(f"show/{name}"))
