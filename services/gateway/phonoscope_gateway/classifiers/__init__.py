"""Owners' classifiers over HTTP."""
