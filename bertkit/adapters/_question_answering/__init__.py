"""Answers in their contexts: read, searched, scored."""
