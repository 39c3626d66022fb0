"""Writes the model of a GGUF as a Hugging Face folder in float32: TRL then trains the very weights our job does.

Usage: base_folder.py GGUF FOLDER
"""

import sys

import torch

from trainer.base_model import load_base
from trainer.device import Device

if __name__ == "__main__":
    gguf, folder = sys.argv[1:]
    base = load_base({"gguf": gguf}, Device("cpu", torch.float32, torch.get_num_threads()))
    base.model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
