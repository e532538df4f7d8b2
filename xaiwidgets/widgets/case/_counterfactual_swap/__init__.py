"""The parts of the region swapper."""
