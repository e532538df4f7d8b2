"""How network dissection counts masks of units, labels of concepts, and their overlap."""
