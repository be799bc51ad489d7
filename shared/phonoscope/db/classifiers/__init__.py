"""Owners' classifiers: what they are taught from, their teachings, heads and queues, and what these label."""
