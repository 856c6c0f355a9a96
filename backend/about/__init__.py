"""Who we are, whose data this is, and what we do and do not know about the people who come."""
