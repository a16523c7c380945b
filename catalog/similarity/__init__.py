"""Exact scores of queries against a whole space, streamed: nothing grows with pool and queries.

What is kept is either each task's best score per sample, or each query's best samples; ties are
broken by the samples' order keys, so results do not depend on the order of rows.
"""

from catalog.similarity.best import BestPerTask
from catalog.similarity.scoring import Positions, score, scores_among, scores_of
from catalog.similarity.top import TopPerQuery

__all__ = ["BestPerTask", "Positions", "TopPerQuery", "score", "scores_among", "scores_of"]
