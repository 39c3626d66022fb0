"""The table of embeddings in main memory: a GPU then holds only the rows that are looked up."""

from typing import Any

import torch
from torch import nn


class HostEmbedding(nn.Module):
    """Looks up where the table is and hands the values to `device`."""

    def __init__(self, table: nn.Embedding, device: torch.device) -> None:
        super().__init__()
        # In a list, so that whoever moves the model to the GPU does not find it.
        self._table = [table.to("cpu")]
        self._device = device

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self._table[0](ids.to("cpu")).to(self._device)


def keep_embeddings(model: Any) -> bool:
    """Moves the table to main memory. False where that saves nothing: the output head uses the same one."""
    table = model.get_input_embeddings()
    if table.weight is model.get_output_embeddings().weight:
        return False
    model.set_input_embeddings(HostEmbedding(table, table.weight.device))
    return True
