"""Searching vectors and labels, exactly or by an index."""
