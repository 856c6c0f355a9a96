"""The staff's pages of this room: the directory of help."""
