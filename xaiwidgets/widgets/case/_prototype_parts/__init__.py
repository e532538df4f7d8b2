"""The parts of the viewer of prototype parts."""
