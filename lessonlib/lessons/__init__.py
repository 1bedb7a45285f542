"""What only one notebook uses. File names begin with the notebook: ``nb04_``, ``nb12_``, ``a1_``.

Read the files of the notebook that you are in.
"""
