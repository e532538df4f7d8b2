"""How scenes are painted, with the masks of all that is in them."""
