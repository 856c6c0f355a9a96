"""The few people who keep this house: accounts, passkeys, roles, and the trail of what they did."""
