"""What the searches for prototypes share: rows, their distances, and the nearest prototype as a classifier."""
