"""The staff's pages of this room: demands for data."""
