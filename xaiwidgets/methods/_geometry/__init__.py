"""Which part of an image a position of a layer can see, and what the network is shown of a picture."""
