"""Signing people up at events, often without a signal: shifts, the phones that canvassers carry,
and the sealed sign-ups that come from them."""
