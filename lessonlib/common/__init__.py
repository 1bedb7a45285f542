"""What every other room stands on: errors with a cure, paths, files, dated facts, a typed yes.

Read ``errors.py`` if you wonder where a message comes from; you need not read the rest. This room
imports nothing from the others.
"""
