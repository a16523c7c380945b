"""The demo: the whole job on a small real pool, told as it happens."""
