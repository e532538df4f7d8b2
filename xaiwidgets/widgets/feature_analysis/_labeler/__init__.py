"""The parts of the compositional labeler."""
