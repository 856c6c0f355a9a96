"""One device's subscription to alerts, and the only code that knows how to ring it."""
