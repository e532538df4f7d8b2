"""What one sees: one file per explanation, and the parts they share."""
