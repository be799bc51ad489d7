"""Classifiers of owners' own."""
