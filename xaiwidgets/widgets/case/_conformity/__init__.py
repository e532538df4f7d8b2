"""The parts of the viewer of conformity."""
