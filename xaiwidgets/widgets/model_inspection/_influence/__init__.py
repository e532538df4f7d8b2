"""The parts of the influence explorer."""
