"""Members of an ensemble: alike but for the seed they train with, and perhaps the step size."""

import dataclasses
from collections.abc import Sequence

from zoojax.spec.config import CNNConfig, ModelConfig, RunConfig, TrainConfig
from zoojax.spec.draws import MAX_SEED, check_seed, is_integer


def member_seeds(seed: int, num_members: int) -> tuple[int, ...]:
    """Return the seeds of the members: seed, seed + 1, and so on.

    Raises:
        ValueError: when there is no member, or when a seed is not an integer from 0 to
            2^32 - 1.
    """
    if not is_integer(num_members) or num_members < 1:
        raise ValueError(
            f"the number of members of an ensemble must be an integer >= 1, got {num_members!r}"
        )
    last = check_seed(seed) + int(num_members) - 1
    if last > MAX_SEED:
        raise ValueError(
            f"{num_members} members from seed {seed} end at seed {last}; the largest allowed is "
            f"{MAX_SEED}"
        )
    return tuple(range(int(seed), last + 1))


def member_configs(
    config: TrainConfig, num_members: int, learning_rates: Sequence[float] | None = None
) -> tuple[TrainConfig, ...]:
    """Return how each member is trained: what it would be alone.

    Args:
        config: of the first member.
        num_members: members of the ensemble.
        learning_rates: of each member; those of ``config`` when None.

    Raises:
        ValueError: when there is no member, a seed is too large, or the rates are of another
            number or not over 0.
    """
    seeds = member_seeds(config.seed, num_members)
    rates = [config.learning_rate] * len(seeds) if learning_rates is None else list(learning_rates)
    if len(rates) != len(seeds):
        raise ValueError(
            f"learning_rates must be {len(seeds)} numbers, one a member, got {len(rates)}"
        )
    return tuple(
        dataclasses.replace(config, seed=seed, learning_rate=rate)
        for seed, rate in zip(seeds, rates, strict=True)
    )


def member_name(config: TrainConfig) -> str:
    """Return what messages call a member."""
    return f"the member of seed {config.seed} and learning_rate {config.learning_rate:g}"


def member_runs(config: RunConfig, num_members: int) -> tuple[RunConfig, ...]:
    """Return each member as a run of its own, on the data of the first.

    Raises:
        ValueError: when there is no member or a seed is too large.
    """
    return tuple(
        dataclasses.replace(config, train=train, data_seed=config.seed_of_data)
        for train in member_configs(config.train, num_members)
    )


def check_dtype(config: TrainConfig, model: ModelConfig) -> None:
    """Raise ``ValueError`` where members are trained together in mixed precision.

    Args:
        config: how they are trained.
        model: configuration of each.
    """
    if config.compute_dtype is not None and not isinstance(model, CNNConfig):
        raise ValueError(
            "members that are trained together, as MLPs and RNNs are, have no mixed precision; "
            f"got compute_dtype {config.compute_dtype}"
        )


def check_one_architecture(configs: Sequence[ModelConfig]) -> None:
    """Raise ``ValueError`` unless all models are alike, and there is one at least."""
    if not configs:
        raise ValueError("an ensemble needs at least one member, got none")
    for place, config in enumerate(configs):
        if config != configs[0]:
            raise ValueError(
                "the members of an ensemble must be of one architecture: the first is "
                f"{configs[0]}, number {place + 1} {config}"
            )
