"""The parts of the prototype explorer."""
