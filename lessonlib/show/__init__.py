"""What a learner sees: pictures, tables, live curves, the parts of widgets.

You need not read this, unless you want a picture like ours: ``pictures.py``.
"""
