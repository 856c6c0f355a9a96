"""What `python -m backend` can do: each module adds its commands to the parser with `add`."""
