"""What every room stands on: errors with a cure, paths, whole files, dated facts, consent.

Read ``errors.py`` if you wonder how a message comes about; the rest you need not read. Imports
nothing of the other rooms.
"""
