"""Pages for a browser: self-contained, nothing to fetch, nothing to run."""

from catalog.pages.writing import Written, render, require_replaceable, write_page

__all__ = ["Written", "render", "require_replaceable", "write_page"]
