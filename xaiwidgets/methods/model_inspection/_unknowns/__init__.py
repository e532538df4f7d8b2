"""The pieces of the search for unknown unknowns."""
