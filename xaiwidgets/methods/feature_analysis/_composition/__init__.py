"""How formulas of concepts are searched for."""
