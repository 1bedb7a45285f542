"""Lists of jobs and events over HTTP: whatever the page's size and whatever comes in between,
the pages together are the list."""

import pytest
from fine_tuning_parts import rows, upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lessonlib

FEW = settings(max_examples=15, deadline=None,
               suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


@pytest.fixture(scope="module")
def file(client):
    return upload(client, rows(3))  # too few: its jobs end at once


@pytest.fixture(scope="module")
def jobs(client, file):
    """Ids of nine jobs, oldest first, every third with a label."""
    return [
        client.fine_tuning.jobs.create(
            model="pantry", training_file=file,
            metadata={"third": str(number)} if number % 3 == 0 else {"mine": "x"}).id
        for number in range(9)
    ]


@given(limit=st.integers(1, 12), late=st.integers(0, 2))
@FEW
def test_pages_of_jobs_are_the_list(client, file, jobs, limit, late):
    seen, page = [], client.fine_tuning.jobs.list(limit=limit)
    while True:
        assert len(page.data) <= limit
        seen += [job.id for job in page.data]
        if late:  # a job that is created while somebody turns the pages
            client.fine_tuning.jobs.create(model="pantry", training_file=file)
            late -= 1
        if not page.has_next_page():
            break
        page = page.get_next_page()
    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in jobs] == jobs[::-1]


@given(limit=st.integers(1, 12))
@FEW
def test_filtered_pages_hold_all_that_fit_and_no_other(client, jobs, limit):
    found = client.fine_tuning.jobs.list(limit=limit, extra_query={"metadata[mine]": "x"})
    assert [job.id for job in found] == [id for n, id in enumerate(jobs) if n % 3][::-1]


@given(limit=st.integers(1, 9), start=st.integers(0, 8))
@FEW
def test_a_page_begins_behind_the_job_that_is_named(client, jobs, limit, start):
    page = client.fine_tuning.jobs.list(limit=limit, after=jobs[start])
    expected = jobs[:start][::-1]
    assert [job.id for job in page.data][: len(expected)] == expected[:limit]


@given(limit=st.integers(1, 7))
@FEW
def test_pages_of_events_are_the_story(client, jobs, limit):
    told = [event.message for event in client.fine_tuning.jobs.list_events(jobs[0], limit=limit)]
    whole = client.fine_tuning.jobs.list_events(jobs[0], limit=1000).data
    assert told == [event.message for event in whole]
    assert told[-1] == f"Created fine-tuning job: {jobs[0]}"

