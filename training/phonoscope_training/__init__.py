"""Training of the served models."""
