"""The learning rate of a step: a pure function of its number, so that a resumed training needs no state for it."""

WARMUP_STEPS = 5


def rate_factor(step: int, planned: int) -> float:
    """What the learning rate is multiplied by in step `step` (from 0) of `planned`: a short rise, then linear to 0."""
    warmup = min(WARMUP_STEPS, planned // 10)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (planned - step) / max(1, planned - warmup))
