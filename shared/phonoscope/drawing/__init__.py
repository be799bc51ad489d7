"""Pictures that a person can put in a report."""
