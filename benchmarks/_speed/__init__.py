"""What the benchmarks of speed and size are made of: one file a piece of work, and what they share."""
