"""Help with health coverage: what a person may have, whom to call and where to go."""
