"""Recipes: what to train, on which columns of which data, and how. Data only, never code."""
