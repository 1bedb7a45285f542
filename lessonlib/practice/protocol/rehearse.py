"""Refusals and failures on request, so that a learner can meet them where they cost nothing.

This is ours; no real service has it. What to rehearse is said in one of two places:

* in a job's metadata, which real services keep and do not read, so that the same cell runs there::

      client.fine_tuning.jobs.create(..., metadata={"practice_rehearse": "fail_midway"})

* in a header of any one request::

      client.models.list(extra_headers={"X-Practice-Rehearse": "rate_limit_once"})
"""

from __future__ import annotations

from lessonlib.common import facts
from lessonlib.practice.protocol.errors import ApiError

METADATA_KEY = "practice_rehearse"
HEADER = "x-practice-rehearse"

#: What can be rehearsed in a job, and what then happens.
JOB_WORDS = {
    "training_not_available": "creating the job is refused, as OpenAI refuses newcomers (403)",
    "invalid_n_examples": "the job fails as if its file had too few examples",
    "invalid_training_file": "the job fails as if its file had a broken example",
    "fail_midway": "the job fails after half of its steps",
    "shut_down": "the job succeeds, and its model is past its shutdown date",
}
#: What can be rehearsed in any request.
REQUEST_WORDS = {
    "rate_limit_exceeded": "429, each time; the client tries again twice and then gives up",
    "rate_limit_once": "429 at the first attempt; the client's second attempt goes through",
    "server_error": "500, each time",
    "training_not_available": JOB_WORDS["training_not_available"],
}
RETRY_AFTER_SECONDS = 1
#: What a rehearsed shutdown date is: the day on which OpenAI ended this model.
SHUT_DOWN_LIKE = "gpt-3.5-turbo"


def shutdown_date() -> str:
    """The date that a model gets which rehearses its end; it lies in the past."""
    return facts.ends(SHUT_DOWN_LIKE).ends.isoformat()


def job_word(metadata: dict[str, str] | None) -> str | None:
    """What a job is to rehearse.

    Raises:
        ApiError: 400, that cannot be rehearsed.
    """
    word = (metadata or {}).get(METADATA_KEY)
    if word is not None and word not in JOB_WORDS:
        raise _unknown(word, JOB_WORDS, f"metadata.{METADATA_KEY}")
    return word


def refusal(header: str | None, attempt: int, creates_job: bool) -> ApiError | None:
    """What a request with this header is refused with, or None.

    Args:
        attempt: 0 for a request, 1 for its first repetition by the client, and so on.
        creates_job: whether it is a request for a new fine-tuning job.
    """
    if header is None:
        return None
    if header not in REQUEST_WORDS:
        return _unknown(header, REQUEST_WORDS, HEADER)
    if header == "rate_limit_exceeded" or (header == "rate_limit_once" and attempt == 0):
        return rate_limit("practice", 0, RETRY_AFTER_SECONDS)
    if header == "server_error":
        return ApiError(
            "The server had an error while processing your request. Sorry about that!",
            status=500,
            type="server_error",
        )
    return training_not_available() if creates_job and header.startswith("training") else None


def rate_limit(organisation: str, limit: int, seconds: int) -> ApiError:
    """429 in OpenAI's words. The client waits for ``seconds`` and tries again."""
    return ApiError(
        f"Rate limit reached for requests in organization org-{organisation} on requests per min "
        f"(RPM): Limit {limit}. Please try again in {seconds}s.",
        status=429,
        type="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": str(seconds)},
    )


def training_not_available() -> ApiError:
    """403 in OpenAI's words, as quoted by those who met it since May 2026."""
    return ApiError(
        "OpenAI is winding down the fine-tuning platform and your organization is no longer able "
        "to create new fine-tuning training jobs.",
        status=403,
        code="training_not_available",
    )


#: The errors of jobs that fail on request: (code, message, param). The words are those that
#: ``chat_files.service_error`` finds for such files; the last one is ours.
JOB_ERRORS = {
    "invalid_n_examples": (
        "invalid_n_examples",
        "Training file has 7 example(s), but must have at least 10 examples",
        "training_file",
    ),
    "invalid_training_file": (
        "invalid_training_file",
        "The job failed due to an invalid training file. Invalid file format. "
        "Example 3, message 2 Discriminator 'role' is missing in value",
        "training_file",
    ),
    "fail_midway": (
        "server_error",
        "The job failed in the middle of training, as its metadata asked for "
        f"({METADATA_KEY}: fail_midway).",
        None,
    ),
}


def _unknown(word: str, words: dict[str, str], param: str) -> ApiError:
    known = "; ".join(f"{name} ({what})" for name, what in words.items())
    return ApiError(
        f"The practice service cannot rehearse {word!r}. It can: {known}.",
        param=param,
        code="invalid_value",
    )
