"""The whole life of a job through ``openai.AsyncOpenAI``, many things at the same time."""

import asyncio
import base64

import openai
import pytest
from fine_tuning_parts import ENDS, assert_strict, jsonl, rows, supervised
from openai.types.fine_tuning import FineTuningJob

from lessonlib.practice import service


def live(story):
    """Run an async story with an async client of the practice service."""

    async def run():
        running = service.ensure()
        async with openai.AsyncOpenAI(
            base_url=running.url, api_key=running.api_key,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        ) as client:
            return await story(client)

    return asyncio.run(run())


async def ended(client, id):
    async with asyncio.timeout(240):
        while (job := await client.fine_tuning.jobs.retrieve(id)).status not in ENDS:
            await asyncio.sleep(0.2)
    return job


async def upload(client, examples, name="train.jsonl"):
    return (await client.files.create(file=(name, jsonl(examples)), purpose="fine-tune")).id


def test_the_whole_life_of_a_job():
    async def story(client):
        training, validation = await asyncio.gather(
            upload(client, rows(10)), upload(client, rows(3, 40), "valid.jsonl"))
        assert {training, validation} <= {file.id async for file in client.files.list(limit=1)}
        raw = await client.fine_tuning.jobs.with_raw_response.create(
            model="pantry", training_file=training, validation_file=validation, suffix="async",
            seed=3, method=supervised(n_epochs=3, batch_size=5))
        job = assert_strict(FineTuningJob, raw.text)
        job = await ended(client, job.id)
        assert job.status == "succeeded" and job.fine_tuned_model.startswith(
            "ft:pantry:practice:async:")
        pages = client.fine_tuning.jobs.list_events(job.id, limit=3)
        told = [event.message async for event in pages][::-1]
        assert told[0].startswith("Created") and told[-1].endswith("successfully completed")
        kept = [one async for one in client.fine_tuning.jobs.checkpoints.list(job.id, limit=2)]
        assert [one.step_number for one in kept] == [6, 4, 2]
        content = await client.files.content(job.result_files[0])
        table = base64.b64decode(content.content, validate=True).decode()
        assert len(table.splitlines()) == 1 + 6
        prompt = rows(1)[0]["messages"][:2]
        answers = await asyncio.gather(*[
            client.chat.completions.create(
                model=one.fine_tuned_model_checkpoint, messages=prompt, max_tokens=4)
            for one in kept for _time in range(3)])
        assert len(answers) == 9 and all(one.choices[0].message.content for one in answers)
        stream = await client.chat.completions.create(
            model=job.fine_tuned_model, messages=prompt, max_tokens=4, stream=True)
        pieces = [piece async for piece in stream if piece.choices]
        same = answers[0].choices[0].message.content
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == same
        for name in [one.fine_tuned_model_checkpoint for one in kept]:
            assert (await client.models.delete(name)).deleted
        assert (await client.files.delete(training)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve(job.fine_tuned_model)

    live(story)


def test_errors_are_those_of_the_other_client():
    async def story(client):
        file = await upload(client, rows(7))
        job = await ended(client, (await client.fine_tuning.jobs.create(
            model="pantry", training_file=file)).id)
        assert job.error.code == "invalid_n_examples"
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.fine_tuning.jobs.create(
                model="pantry", training_file=file,
                metadata={"practice_rehearse": "training_not_available"})
        assert caught.value.code == "training_not_available"
        with pytest.raises(openai.NotFoundError):
            await client.fine_tuning.jobs.retrieve("ftjob-none")

    live(story)


def test_two_who_cancel_at_once_and_one_is_told_so():
    """One state, one end: of several that arrive together one cancels, the others are refused."""
    async def story(client):
        file = await upload(client, rows(12))
        job = await client.fine_tuning.jobs.create(
            model="pantry", training_file=file, method=supervised(n_epochs=50, batch_size=1))
        results = await asyncio.gather(
            *[client.fine_tuning.jobs.cancel(job.id) for _one in range(5)],
            return_exceptions=True)
        done = [one for one in results if not isinstance(one, Exception)]
        assert len(done) == 1 and done[0].status == "cancelled"
        assert all(isinstance(one, openai.BadRequestError) for one in results if one not in done)
        events = [e.message async for e in client.fine_tuning.jobs.list_events(job.id)]
        assert events.count("Fine-tuning job cancelled") == 1

    live(story)
