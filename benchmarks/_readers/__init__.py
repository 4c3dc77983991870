"""What `benchmarks/readers.py` is made of: hostile files, and one reader on one of them."""
