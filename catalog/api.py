"""The catalog as one object: every verb that the command has, for Python."""

from catalog.home import Home


class Catalog:
    """An open catalog. It holds no connection, so any number of them may be around."""

    def __init__(self, home: Home) -> None:
        self.home = home
