"""The staff's pages of this room: urgent alerts."""
