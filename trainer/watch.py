"""What happens after each optimizer step: the metric line, the held-back loss, saving, stopping."""

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback

from trainer.course import SPAN, Course
from trainer.device import memory_now, memory_peak
from trainer.protocol import Channel, JobError
from trainer.schedule import rate_factor
from trainer.sft import PlannedTrainer


class Watch(TrainerCallback):
    """Times are in seconds. `save` writes a training checkpoint; `held_back` computes the held-back loss.

    `turn` is held from before a step is applied until all that belongs to it is noted: whoever holds it sees the state
    after a whole step, also while the next one is computed.
    """

    def __init__(
        self,
        channel: Channel,
        trainer: PlannedTrainer,
        course: Course,
        *,
        device: str,
        learning_rate: float,
        save_seconds: float,
        save: Callable[[], None],
        held_back: Callable[[], float],
        adapter: Callable[[], dict[str, Any]],
    ) -> None:
        self.channel, self.trainer, self.course = channel, trainer, course
        self.device, self.learning_rate, self.save_seconds = device, learning_rate, save_seconds
        self.save, self.held_back, self.adapter = save, held_back, adapter
        self.started = self.step_started = self.saved = time.monotonic()
        self.tokens_before = 0
        self.warned = self.measured = False
        self.paused = 0.0  # spent saving and looking, not training
        self.turn = threading.RLock()
        self.saved_step = course.step
        self.training = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started = self.step_started = self.saved = time.monotonic()
        self.training = True
        threading.Thread(target=self.leave_when_stopped, daemon=True, name="leave-when-stopped").start()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.channel.stopped.is_set():
            raise self.stopped()
        self.turn.acquire()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trainer, course, plan = self.trainer, self.course, self.trainer.plan
        now = time.monotonic()
        step = course.step + 1
        point = {
            "step": step,
            "loss": trainer.step_loss,
            "learningRate": self.learning_rate * rate_factor(step - 1, plan.steps),
            "tokensPerSecond": (trainer.tokens_seen - self.tokens_before) / max(1e-9, now - self.step_started),
        }
        course.losses.append(point)
        trainer.step_loss, self.tokens_before = 0.0, trainer.tokens_seen
        self.channel.send("metric", **point, memoryBytes=memory_now(self.device))
        self.channel.progress(step, plan.steps)
        if not self.measured:
            self.measured = True
            self.channel.notice(f"Memory measured after the first step: {memory_peak(self.device) / 1e9:.2f} GB.")
        if course.diverges() and not self.warned:
            self.warned = True
            self.channel.notice(f"The loss has been above three times its median for {SPAN} steps, up to step {step}.")
        if step in plan.evaluate_at:
            course.look(self.held_back(), self.adapter, plan.patience)
            self.channel.notice(f"Held-back loss after step {step}: {course.looks[-1]['loss']:.4f}.")
        course.rng = torch.get_rng_state()
        over = step >= plan.steps or course.ended_early
        if over or time.monotonic() - self.saved >= self.save_seconds:
            self.keep()
            self.saved = time.monotonic()
        control.should_training_stop = over
        self.step_started = time.monotonic()
        self.paused += self.step_started - now
        self.turn.release()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        with self.turn:
            self.training = False

    def keep(self) -> None:
        """Saves the state after the last whole step, unless that is on the disk already."""
        with self.turn:
            if self.course.step > self.saved_step:
                self.save()
                self.saved_step = self.course.step

    def stopped(self) -> JobError:
        step = self.course.step
        where = f"after step {step} of {self.trainer.plan.steps}, which is saved" if step > 0 else "in the first step"
        return JobError("E_STOPPED", f"Stopped {where}.")

    def leave_when_stopped(self) -> None:
        """A step may take minutes, and nobody waits for that: it is left where it is."""
        self.channel.stopped.wait()
        with self.turn:
            if self.training:
                self.keep()
                self.channel.abandon(self.stopped())

    def tokens_per_second(self) -> float:
        """Over all steps of this process, without saving and looking."""
        return self.trainer.tokens_seen / max(1e-9, self.step_started - self.started - self.paused)
