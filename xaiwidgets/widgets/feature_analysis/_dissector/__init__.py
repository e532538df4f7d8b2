"""The parts of the dissector."""
