"""Owners' classifiers: what they are taught from, their teachings and their queues."""
