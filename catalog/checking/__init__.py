"""Whether a home is whole: every rule of the catalog, and what lies beside the database."""

from catalog.checking.checking import check
from catalog.checking.fault import Checked, Fault

__all__ = ["Checked", "Fault", "check"]
