"""Plumbing without one word of the field: pages, assets, languages, headers, errors."""
