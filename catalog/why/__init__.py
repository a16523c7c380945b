"""Why: what made a selection what it is, looked at from the pool as it was then."""
