"""Where images with labelled pixels come from: arrays, files, other sets."""
