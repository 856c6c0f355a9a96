"""What each county's jail may do for ICE: dated, sourced facts, and what they add up to."""
