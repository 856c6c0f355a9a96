"""The site as an app on the phone: installed, open without a network, and easily forgotten."""
