"""Explanations by case: examples that stand for a prediction."""
