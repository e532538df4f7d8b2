"""What a map of points consists of."""
