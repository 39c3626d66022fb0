"""The judge model as RAGAS sees it: every request goes to the host as an `ask` line and its answer comes back.

Python opens no connection and holds no key; the host's client, limits and cap apply.
"""

import asyncio
import re
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ragas.llms.base import InstructorBaseRagasLLM

from trainer.protocol import Channel

Model = TypeVar("Model", bound=BaseModel)

MAX_TOKENS = 2048  # RAGAS's own 1024 cuts the verdicts of long answers
TEMPERATURE = 0.01  # RAGAS's own
REPAIRS = 2


class JudgeOutputError(Exception):
    """The judge answered, but not with what was asked for."""


class Judge(InstructorBaseRagasLLM):
    def __init__(self, channel: Channel, concurrency: int) -> None:
        self._channel = channel
        self._turns = asyncio.Semaphore(concurrency)

    def generate(self, prompt: str, response_model: type[Model]) -> Model:
        """For callers outside an event loop; RAGAS's metrics use `agenerate`."""
        return asyncio.run(self.agenerate(prompt, response_model))

    async def agenerate(self, prompt: str, response_model: type[Model]) -> Model:
        """Asks, and asks again with the fault named when the answer does not fit, at most twice.

        Raises AskError (the host got no answer) or JudgeOutputError (no answer fits).
        """
        messages = [{"role": "user", "content": prompt}]
        fault = ""
        for _ in range(1 + REPAIRS):
            text = await self._ask(messages)
            try:
                return read_output(text, response_model)
            except (ValidationError, JudgeOutputError) as error:
                fault = first_fault(error)
            messages = [
                messages[0],
                {"role": "assistant", "content": text},
                {"role": "user", "content": f"That does not fit: {fault}. Answer with the corrected JSON only."},
            ]
        raise JudgeOutputError(fault)

    async def _ask(self, messages: list[dict[str, str]]) -> str:
        body = {"messages": messages, "json": True, "maxTokens": MAX_TOKENS, "temperature": TEMPERATURE}
        async with self._turns:
            # Shielded: cancelling the wait must not cancel what the protocol's reader is to fulfil.
            answer: Any = await asyncio.shield(asyncio.wrap_future(self._channel.ask_later("chat", body)))
        text = answer.get("text") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise JudgeOutputError("the host sent no text")
        return text


def read_output(text: str, response_model: type[Model]) -> Model:
    """The object in the answer, a code fence or words around it left aside."""
    fenced = re.search(r"```(?:json)?\s*(.*?)```", text, re.DOTALL)
    inner = fenced.group(1) if fenced else text
    start, end = inner.find("{"), inner.rfind("}")
    if start < 0 or end < start:
        raise JudgeOutputError("it holds no JSON object")
    output = response_model.model_validate_json(inner[start : end + 1])
    # RAGAS drops a blank question and then scores 0, which would hide a failure of the judge.
    if "question" in response_model.model_fields and not str(getattr(output, "question", "")).strip():
        raise JudgeOutputError("its question is empty")
    # Only claims that exist are put to the judge. RAGAS counts no verdict on them as no claim, which scores 0.
    if verdicts_missing(output):
        raise JudgeOutputError("it holds no verdict")
    return output


def verdicts_missing(output: BaseModel) -> bool:
    """True for an empty list of verdicts; an empty list of plain statements is an answer."""
    field = type(output).model_fields.get("statements")
    kinds = get_args(field.annotation) if field else ()
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds) and not getattr(
        output, "statements", None
    )


def first_fault(error: ValidationError | JudgeOutputError) -> str:
    if isinstance(error, JudgeOutputError):
        return str(error)
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]
