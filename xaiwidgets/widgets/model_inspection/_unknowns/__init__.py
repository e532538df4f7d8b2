"""The parts of the blind spot finder."""
