"""The GPU pool: ``classify``, ``embed``, ``explain`` and ``features``, from one pass of one model."""
