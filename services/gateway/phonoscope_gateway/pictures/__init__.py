"""What can be seen of a track, made by workers."""
