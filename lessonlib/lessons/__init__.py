"""What one notebook alone uses; each file bears the number of its notebook.

Read the file whose notebook you are in.
"""
