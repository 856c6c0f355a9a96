"""Hearings, votes, forums and other events: what is coming, how to speak there, what came of it."""
