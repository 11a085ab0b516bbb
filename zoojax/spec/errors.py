"""The error of a training whose loss is not finite."""


class NonFiniteLossError(FloatingPointError):
    """Training met a loss that is infinite or not a number."""

    def __init__(
        self, step: int, loss: float, largest_gradients: dict[str, float], *, member: str = ""
    ) -> None:
        """Say where it happened.

        Args:
            step: index of the step, counted from 0.
            loss: the loss.
            largest_gradients: maximum absolute gradient of each parameter at that step,
                by name in weight files.
            member: the ensemble member whose loss it is; empty without an ensemble.
        """
        self.step, self.loss, self.largest_gradients = step, loss, largest_gradients
        layers = ", ".join(f"{name} {value:.3g}" for name, value in largest_gradients.items())
        where = f"the loss of {member}" if member else "the loss"
        super().__init__(
            f"{where} is {loss} at step {step}; largest absolute gradient of each layer: "
            f"{layers}. A smaller learning_rate usually helps."
        )
