"""The embeddings RAGAS works with: every text is embedded once, whole batches at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ragas.embeddings.base import BaseRagasEmbedding

from trainer.embed import SentenceEmbedder
from trainer.protocol import Channel

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]


class Vectors(BaseRagasEmbedding):
    """RAGAS asks for one text at a time, so `prepare` embeds what will be asked for beforehand."""

    def __init__(self, embed: Embed) -> None:
        super().__init__()
        self._embed = embed
        self._known: dict[str, list[float]] = {}
        self._turn = asyncio.Lock()

    async def prepare(self, texts: Sequence[str]) -> None:
        """Embeds the texts not seen before. Raises what the embedder raises; nothing is kept then."""
        async with self._turn:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            if not new:
                return
            found = await self._embed(new)
            if len(found) != len(new):
                raise ValueError(f"{len(new)} texts gave {len(found)} vectors")
            self._known.update(zip(new, found, strict=True))

    def embed_text(self, text: str, **kwargs: Any) -> list[float]:
        """The vector of a prepared text. RAGAS calls this inside the event loop, where nothing may wait."""
        return self._known[text]

    async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:
        await self.prepare([text])
        return self._known[text]

    async def aembed_texts(self, texts: list[str], **kwargs: Any) -> list[list[float]]:
        await self.prepare(texts)
        return [self._known[text] for text in texts]


def from_model(embedder: SentenceEmbedder) -> Embed:
    async def embed(texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(lambda: embedder.vectors(texts).tolist())

    return embed


def from_host(channel: Channel) -> Embed:
    """Vectors of the endpoint, asked for through the host."""

    async def embed(texts: list[str]) -> list[list[float]]:
        answer = await asyncio.shield(asyncio.wrap_future(channel.ask_later("embed", {"texts": texts})))
        return answer["vectors"]

    return embed
