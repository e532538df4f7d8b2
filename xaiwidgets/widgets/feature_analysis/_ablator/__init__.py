"""The parts of the unit ablator."""
