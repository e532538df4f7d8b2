"""Model inspection (survey section 1.2): which data made a model what it is, and where it fails."""
