"""Spaces beside each other: which one is read, what each holds, and how a new one is filled and an old one dropped."""
