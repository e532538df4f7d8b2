"""How units are silenced, and what that does to the answers of a network."""
