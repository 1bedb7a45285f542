"""The assignment of notebook 11: your own rows, from a messy file to a decision.

    rows = own_rows.read("tickets.xlsx")              # whatever people save: see cells.py
    task = splits.make(rows, instructions="...")      # three splits without leaks
    evaluate(client, Method("tuned", name, task.bare), task.test)
    rubric.check(work)                                # rubric.py: what is missing

Read it with notebook 11. The files, from a learner's file inwards:

    cells.py         CSV, JSON Lines or Excel -> cells of text, each row with its number
    encodings.py     which encoding is it? (UTF-8, UTF-16, cp1250, cp1252)
    excel.py         the first table of a workbook
    reading.py       which rows can be used; what cannot be used is set aside with its reason
    own_rows.py      questions and answers -> examples
    own_recipes.py   ingredient lines -> the recipe task
    splits.py        examples -> a task with training, validation and test examples
    task.py          the task, and the prompts to ask with
    endings.py       where an answer ends, the same for all models
    scores.py        one answer against the right one: labels, JSON fields, free text
    nearness.py      how near a free text is to the wanted one, and not to those of other questions
    forms.py         what a simple look can tell about a free text
    simple.py        baselines without any model
    chosen.py        the model: what is loaded, who answers, what settings suit it
    answering.py     ask it, at the service or in this process
    best_prompt.py   the prompts that are tried, and the one that does best
    estimate.py      rows, tokens, minutes and memory, before it begins
    answer_loss.py   how surprised a model is by the right answers, row by row
    tuning.py        tune on a task: by a job, or on this machine
    starters.py      the starter sets in data/assignment
    rubric.py        what is done, and what is still missing
    command.py       all of it at once: python -m lessonlib.assignment.command FILE
"""
