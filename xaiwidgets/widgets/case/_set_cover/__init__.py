"""The parts of the cover explorer."""
