"""What can be measured of a recording in one decoding pass, with memory that does not grow with its length."""
