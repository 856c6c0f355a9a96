"""What to do when someone was detained: whom to call, what to say, how to find them."""
