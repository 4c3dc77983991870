"""What `python -m bertkit` starts."""

from bertkit.cli import main

main()
