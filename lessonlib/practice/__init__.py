"""The practice service: a small server on this machine that speaks OpenAI's protocol, and Azure's.

It answers chat requests, and it really trains: files, fine-tuning jobs, events, checkpoints and
tuned models work as on OpenAI's service and on Azure OpenAI, with small models. It is for
practice: it is neither of them, and nothing leaves this machine.

    python -m lessonlib.practice            run it in this terminal
    python -m lessonlib.practice --status   is it running, and where
    python -m lessonlib.practice --stop     stop it
    python -m lessonlib.practice classroom --learners 30 --open
                                            one for a whole room: a key for each learner

A notebook never needs these lines: ``lessonlib.connect()`` starts or finds the service, and
``lessonlib.connect(protocol="azure")`` gives a client for its Azure half.

The rooms of this house, from the door inwards:

    transport.py     the client's way to the service, which finds it again when it moved
    service.py       start, find and stop the one service of a work folder
    serving.py       the web server, and the clock that stops an idle service
    door.py          keys, limits, request ids, the log
    app.py           the HTTP routes, from the modules *_routes.py
    views.py         the two protocols: openai_view.py, azure_view.py
    errors.py        refusals in OpenAI's words
    rehearse.py      refusals and failures on request (ours, no real service has them)
    classroom.py, status_page.py   keys and limits for a room, a page for its instructor

Answers:

    chat_call.py     one chat request from its body to its last byte
    chat_request.py  check a request, in OpenAI's words where it is wrong (with fields.py)
    responses.py     the answers as OpenAI's JSON objects
    catalogue.py     which models an organisation can ask for (with folders.py)
    engine.py        loaded models and the one thread that decodes for all of them
    batch.py         the requests that one model is answering together
    model.py         a model in memory: tokens in, logits out
    network.py       the forward pass
    slots.py         what the running requests remember
    prefixes.py      remember the beginnings that many prompts share
    choosing.py      from logits to the next token
    text.py          from tokens to text, stop strings, log-probabilities

Fine-tuning:

    file_routes.py, job_routes.py, model_routes.py   OpenAI's routes (with paging.py)
    uploads.py       an uploaded file, from the network to the disk
    job_request.py   check a request for a job (with hyperparameters.py: what "auto" means)
    openai_view.py   ids, names, objects and events as OpenAI's protocol shows them
    store.py         all that is kept, in work/practice: database.py, file_store.py,
                     job_store.py, model_store.py; states.py has the states of a job
    training.py      the service's side: keeps a trainer running while there is work
    trainer.py       the trainer's process: one job after the other
    checking.py      are a job's files fit for training?
    job_training.py  train one job, so that it can be stopped and go on at any step
    learning.py      one step of a model that learns
    finishing.py     hand over checkpoints, the finished model, the result file
    job_record.py    write down a job's progress, nothing twice

Azure's view of the same tables. What came through one view is not seen through the other:

    azure_door.py    keys and versions in addresses; the data plane and the control plane
    azure_routes.py  files, jobs, models and chat below /openai and /openai/v1; what was mixed up
                     where a deployment is not found
    azure_view.py    ids, states, objects and events as Azure shows them
    azure_errors.py  refusals in Azure's words
    deployment_routes.py   deployments, as Azure Resource Manager has them
    deployment_store.py    what is kept of them (deployment_states.py: their states)
    deployment_keeper.py   brings them from one state to the next
    hosting.py       what a deployment costs, and when it ends by itself
    meter_routes.py  the bill, and a clock that can be wound forward

Jobs outlive the service: one that was running or waiting when the service was stopped or killed
goes on when it starts again, from where its state was last saved. While a job waits or runs,
the service does not stop for idleness.

Where it differs from OpenAI on purpose: ids and owners say ``practice``; what "auto" means is in
hyperparameters.py; a paused job has the status ``paused``; ``temperature`` is 0 unless you set
it (OpenAI's default is 1), so that an answer in this course can be repeated exactly; and a
parameter that it cannot honour is refused by name, never ignored.

Where it differs from Azure on purpose, or where Azure's words are not documented and ours had to
do: the heads of azure_view.py, azure_errors.py, deployment_routes.py, hosting.py and
meter_routes.py say so. In short: what stands in brackets behind "Practice service:"; the words of
some events; a refusal ``ModelInUse``; deployments that are ready after a second; the bill at
/practice/meter and the clock at /practice/clock; that ``GET .../models/<deployment>`` answers.
"""
