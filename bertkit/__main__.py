"""What `python -m bertkit` and `accelerate launch -m bertkit` start."""

from bertkit.cli import main

main()
