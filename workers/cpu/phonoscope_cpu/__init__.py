"""The CPU pool: what needs cores and memory instead of a network. It describes recordings in numbers."""
