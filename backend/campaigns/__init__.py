"""Campaigns and their pledges: people sign in under a minute, and the count is true."""
