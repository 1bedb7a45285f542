"""The web server: routes, keys and limits, and the page for a room's instructor."""
