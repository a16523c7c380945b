"""Programs that run in processes of their own, so that each is timed alone.

What they import is part of what is timed, and heavy: it waits until they run.
"""
