"""The pieces of MMD-critic."""
