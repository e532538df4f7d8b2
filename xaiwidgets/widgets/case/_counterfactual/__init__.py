"""The parts of the counterfactual explorer."""
