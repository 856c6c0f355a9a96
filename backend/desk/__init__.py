"""The staff's own pages over every room: what needs a person, and the means to do it."""
