"""Before the first cell: is this machine ready, and if not, what helps?

You need not read this. ``python start.py check`` runs ``environment.py``; ``colab.py`` gets a
Google Colab machine ready.
"""
