"""The web server: routes, keys and limits, and the page of a room's instructor."""
