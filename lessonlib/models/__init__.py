"""Base models: names, folders, sizes, chat templates, and the device that runs them.

Read it with notebooks 04 and 08: ``sizes.py`` counts a model's matrices, ``names.py`` finds models,
``catalogue.py`` says what they are, ``chat_template.py`` turns messages into text. Nothing here
knows about tuning.
"""
