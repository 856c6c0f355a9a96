"""What a row keeps of a moment: the day. When somebody had their phone in the hand is nobody's
business, and beside what a telephone company keeps, a second finds a person."""

from datetime import UTC, datetime, time

from backend.web import clock


def today() -> datetime:
    """California's, as the midnight of UTC that has its date."""
    return datetime.combine(clock.today(), time(), UTC)
