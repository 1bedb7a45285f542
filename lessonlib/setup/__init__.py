"""Before the first cell: is this machine ready, and what helps where it is not?

You need not read this. ``python start.py check`` runs ``environment.py``.
"""
