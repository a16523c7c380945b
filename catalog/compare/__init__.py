"""Snapshots side by side, always beside random and balanced ones of the same size and tokens."""
