"""The pieces of the search for counterfactuals."""
