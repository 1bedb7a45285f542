"""How the shipped data and the built-in model were made. Learners never need this folder.

``python -m factory.recipes``   writes data/recipes/*.jsonl, byte for byte the same each time
``python -m factory.pretrain``  trains the built-in model and writes data/models/pantry
"""
