"""Benchmarks: the catalog against what people would use instead, both measured in one run.

`python -m tests.benchmarks --help` says how to run them.
"""
