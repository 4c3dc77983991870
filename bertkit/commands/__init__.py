"""One verb a file: a thin wrapper that translates options into a call of the engine and shows what comes back."""
