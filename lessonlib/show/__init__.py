"""What a learner sees: pictures, tables, curves that grow, the parts of widgets.

You need not read this, unless you want to draw pictures like ours (``pictures.py``) or have one
grow while a model is trained (``live.py``).
"""
