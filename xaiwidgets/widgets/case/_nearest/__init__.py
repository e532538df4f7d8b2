"""The parts of the explorer of nearest neighbours."""
