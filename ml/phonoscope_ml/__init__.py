"""Front end, networks and inference: the only package that imports torch."""
