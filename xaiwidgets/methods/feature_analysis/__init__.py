"""Feature analysis (survey section 1.1): what units and layers respond to."""
