"""Confianza: what a county's jail may do for ICE, in plain words, on a phone."""

import os

# Piccolo finds the engine by this name, also when it runs migrations of its own accord.
os.environ.setdefault("PICCOLO_CONF", "backend.piccolo_conf")
