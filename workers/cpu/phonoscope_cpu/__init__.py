"""The CPU pool: describes recordings in numbers, separates and mixes stems, and draws maps."""
