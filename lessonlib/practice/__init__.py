"""The practice service: a small server on this machine that speaks OpenAI's protocol.

It answers chat requests with the built-in model and with the models that the learner
has tuned. It is for practice: it is not OpenAI, and nothing leaves this machine.

    python -m lessonlib.practice            run it in this terminal
    python -m lessonlib.practice --status   is it running, and where
    python -m lessonlib.practice --stop     stop it

A notebook never needs these lines: ``lessonlib.connect()`` starts or finds the service.

The rooms of this house, from the door inwards:

    transport.py     the client's way to the service, which finds it again when it moved
    service.py       start, find and stop the one service of a work folder
    serving.py       the web server, and the clock that stops an idle service
    door.py          keys, request ids, the log
    app.py           the HTTP routes
    chat_request.py  check a request, in OpenAI's words where it is wrong (with fields.py)
    responses.py     the answers as OpenAI's JSON objects
    engine.py        loaded models and the one thread that decodes for all of them
    batch.py         the requests that one model is answering together
    model.py         a model in memory: tokens in, logits out
    network.py       the forward pass
    slots.py         what the running requests remember
    prefixes.py      remember the beginnings that many prompts share
    choosing.py      from logits to the next token
    text.py          from tokens to text, stop strings, log-probabilities
    folders.py       which model folders there are

Where it differs from OpenAI on purpose: ``temperature`` is 0 unless you set it (OpenAI's
default is 1), so that an answer in this course can be repeated exactly; and a parameter
that it cannot honour is refused by name, never ignored.
"""
