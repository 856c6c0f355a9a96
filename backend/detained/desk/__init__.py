"""The staff's pages of this room: lines and places of detention."""
