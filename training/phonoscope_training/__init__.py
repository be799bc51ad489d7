"""Trains the served models."""
