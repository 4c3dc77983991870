"""Rows in, checked rows out: tables, columns, labels, splits and metrics."""
