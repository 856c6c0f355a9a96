"""The staff's pages of this room: campaigns, who signed, calls, partners."""
