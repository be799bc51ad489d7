"""Front end, networks and inference: the only place that imports torch."""
