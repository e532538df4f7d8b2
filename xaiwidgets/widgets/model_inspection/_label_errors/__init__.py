"""The parts of the label checker."""
