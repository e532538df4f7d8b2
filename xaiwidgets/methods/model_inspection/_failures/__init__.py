"""The pieces of failure modes."""
