"""The staff's pages of this room: hearings, proposals, sources."""
