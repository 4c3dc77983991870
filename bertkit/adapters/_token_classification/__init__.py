"""Words, their tokens and their tags."""
