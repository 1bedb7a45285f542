"""The practice service: a small server on this machine that speaks OpenAI's protocol, and Azure's.

It answers chat requests, and it really trains: files, fine-tuning jobs, events, checkpoints and
tuned models work as they do at OpenAI and at Azure OpenAI, only with small models. It is for
practice: it is neither of the two, and nothing leaves this machine.

    python -m lessonlib.practice            run it in this terminal
    python -m lessonlib.practice --status   is it running, and where
    python -m lessonlib.practice --stop     stop it
    python -m lessonlib.practice classroom --learners 30 --open
                                            one for a whole room: a key for each learner

A notebook never needs these lines: ``lessonlib.connect()`` starts or finds the service, and
``lessonlib.connect(protocol="azure")`` gives a client for its Azure half.

The floors, in the order in which they can be read; each uses only those above it.

store/, all that is kept in work/practice:

    store.py                the whole of it, and what is swept away after a crash
    database.py             the tables
    file_store.py, job_store.py, model_store.py, deployment_store.py   one kind of thing each
    states.py               the states of a job
    deployment_states.py    the states of a deployment
    hosting.py              what a deployment costs, and when it ends by itself

protocol/, what may be asked, and the words in which it is answered:

    openai_view.py          ids, names, objects and events as OpenAI shows them
    azure_view.py           the same tables as Azure shows them; what came in through one view is
                            not seen through the other
    errors.py, azure_errors.py   refusals in the words of each
    fields.py, paging.py    typed parameters, pages of lists
    chat_request.py, job_request.py   check a request; where it is wrong, say so in OpenAI's words
    response_format.py      the form that an answer must have
    hyperparameters.py      what a job can be told, and what "auto" means
    catalogue.py            which models an organisation can ask for
    rehearse.py             refusals and failures on request (ours; no real service has them)

answers/, from tokens to text:

    engine.py               loaded models, and the one thread that decodes for all of them
    loading.py              which of the two ways to compute suits a model
    folder.py               what every loaded model has; what a folder tells before it is loaded
    batch.py                the requests that one model is answering together
    model.py                a small model of a type that we know: tokens in, logits out
    network.py              its forward pass, our own
    memory.py               what running requests remember, and the beginnings that many share
    any_model.py            any other model that transformers loads
    flat.py                 transformers' forward pass over the tokens of many requests
    one_by_one.py           the same for models that cannot be computed so
    trial.py                which of these it is, found out when the model is loaded
    choosing.py             from logits to the next token
    grammar.py              which tokens may come next where an answer must fit a JSON schema
    text.py                 from tokens to text, stop strings, log-probabilities

trainer/, training in a process of its own:

    process.py              the service's side: keeps a trainer running while there is work
    trainer.py              the trainer's side: one job after another
    checking.py             are a job's files fit for training?
    forecast.py             what suits a model of that size; memory, threads and minutes
    job_training.py         train one job, so that it can stop and go on at any step
    finishing.py            write down a job's progress; hand over checkpoints, model, result file

web/, from the door inwards:

    serving.py              the web server, and the clock that stops an idle service
    door.py                 keys, limits, request ids, the log
    azure_door.py           Azure's keys and versions
    app.py                  the HTTP routes
    shared.py               what all routes share
    file_routes.py, job_routes.py, model_routes.py   OpenAI's routes
    uploads.py              an uploaded file, from the network to the disk
    chat_call.py, responses.py   one chat request, from its body to its last byte
    azure_routes.py         files, jobs, models and chat below /openai and /openai/v1
    deployment_routes.py    deployments
    deployment_keeper.py    moves them on to their next state
    meter_routes.py         the bill, and a clock that can be wound forward
    classroom.py            keys and limits for a room of learners
    status_page.py          a page for the room's instructor

Around all of it stand three files: service.py starts, finds and stops the one service of a work
folder; transport.py is the client's way to it, and finds it again when it has moved; __main__.py
is the command line.

Jobs outlive the service: one that was running or waiting when the service was stopped or killed
goes on when it starts again, from where its state was last saved. While a job waits or runs, an
idle service does not stop.

Where it differs from OpenAI on purpose: ids and owners say ``practice``; what "auto" means is in
protocol/hyperparameters.py; a paused job has the status ``paused``; ``temperature`` is 0 unless
you set it (OpenAI's default is 1), so that an answer in this course can be repeated exactly; a
schema in ``response_format`` is enforced with or without ``strict`` (response_format.py); and a
parameter that it cannot honour is refused by name, never ignored.

Where it differs from Azure on purpose, or where Azure's words are not documented and ours had to
do, the file says so at its beginning: azure_view.py and azure_errors.py in protocol/,
deployment_routes.py and meter_routes.py in web/, hosting.py in store/. In short: what stands in
brackets after "Practice service:"; the words of some events; a refusal ``ModelInUse``; deployments
that are ready after a second; the bill at /practice/meter and the clock at /practice/clock; that
``GET .../models/<deployment>`` answers.
"""
