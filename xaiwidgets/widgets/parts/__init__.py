"""The parts that widgets are made of."""
