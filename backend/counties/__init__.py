"""The 58 counties: their names, ZIP codes and outlines, and how a person finds their own."""
