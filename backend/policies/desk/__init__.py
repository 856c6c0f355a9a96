"""The staff's pages of this room: the record."""
