"""Scores of `bertkit.data.metrics` as modules of the `evaluate` library, one file a metric, no download.

`evaluate.load(path)` copies a file to its cache and takes the first metric class that the file names. So the
files import `evaluate` as a whole (never `from evaluate import Metric`) and everything else by absolute name.
"""
