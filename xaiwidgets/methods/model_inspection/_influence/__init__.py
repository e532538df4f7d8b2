"""The pieces of influence functions."""
