"""The parts of the failure finder."""
