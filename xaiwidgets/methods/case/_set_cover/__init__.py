"""The pieces of set cover."""
