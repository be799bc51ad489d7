"""Owners' classifiers: what they are taught from, their heads, and what these label."""
