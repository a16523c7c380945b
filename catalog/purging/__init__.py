"""The destruction of retired samples' text and vectors, everywhere the home holds them."""

from catalog.purging.purging import Purge, PurgePlan, plan, purge

__all__ = ["Purge", "PurgePlan", "plan", "purge"]
