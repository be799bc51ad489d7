"""The GPU pool: ``classify`` and ``embed``, from one pass of one model."""
