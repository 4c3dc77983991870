"""The documents, and the module that writes their generated parts."""
