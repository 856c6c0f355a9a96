"""The staff's pages of this room: shifts, phones, paper sheets."""
