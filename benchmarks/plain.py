"""Training as the workshop writes it: eager torch, NCHW, a DataLoader, the loss read each step."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig, RunConfig
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD
from zoojax.spec.records import Batch

CONSTANTS = (IMAGENET_MEAN, IMAGENET_STD)
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def plain_cnn(config: CNNConfig) -> nn.Module:
    """Return the workshop's CNN of torch's own layers."""
    channels = config.num_cnn_channels
    layers: list[nn.Module] = []
    size = config.height
    for block in range(config.num_cnn_layers + 2):
        before = channels if block else config.num_input_channels
        layers.append(nn.Conv2d(before, channels, config.kernel_size, padding=config.padding))
        pool = nn.MaxPool2d if block <= config.num_cnn_layers else nn.AvgPool2d
        layers += [nn.BatchNorm2d(channels), pool(config.pooling)]
        size //= config.pooling
    layers += [nn.Flatten(), nn.Linear(channels * size**2, config.hidden_dim)]
    layers += [nn.BatchNorm1d(config.hidden_dim), nn.ReLU(), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, nn.Linear(config.hidden_dim, config.num_classes))


def plain_mlp(config: MLPConfig) -> nn.Module:
    """Return the workshop's MLP of torch's own layers."""
    layers: list[nn.Module] = []
    for block in range(config.num_layers + 1):
        layers.append(
            nn.Linear(config.hidden_dim if block else config.input_dim, config.hidden_dim)
        )
        layers += [nn.BatchNorm1d(config.hidden_dim), nn.ReLU(), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, nn.Linear(config.hidden_dim, config.output_dim))


class PlainRNN(nn.Module):
    """The workshop's recurrent network of torch's own layers."""

    def __init__(self, config: RNNConfig) -> None:
        super().__init__()
        sizes = (config.input_size, config.hidden_dim, config.num_layers)
        self.rnn = CELLS[config.cell](*sizes, batch_first=True, dropout=config.dropout)
        self.fc = nn.Linear(config.hidden_dim, config.output_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict from (batch, time, features)."""
        outputs: Tensor = self.fc(self.rnn(inputs)[0][:, -1])
        return outputs


MODELS: dict[type[ModelConfig], Callable[[Any], nn.Module]] = {
    CNNConfig: plain_cnn,
    MLPConfig: plain_mlp,
    RNNConfig: PlainRNN,
}


class Plain:
    """A model, its data and its loop, as in the workshop's training script."""

    def __init__(self, config: RunConfig, train: Batch) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.is_classifier = isinstance(config.model, CNNConfig)
        self.model = MODELS[type(config.model)](config.model).to(self.device)
        self.criterion = nn.CrossEntropyLoss() if self.is_classifier else nn.MSELoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.train.learning_rate)
        inputs, targets = map(torch.from_numpy, train)
        if self.is_classifier:
            inputs, targets = inputs.permute(0, 3, 1, 2), targets.long()
        dataset = TensorDataset(inputs, targets)
        self.loader = DataLoader(dataset, batch_size=config.train.batch_size, shuffle=True)
        self.mean, self.std = (torch.tensor(each).view(1, 3, 1, 1) for each in CONSTANTS)
        self.first = next(iter(self.loader))

    def standardise(self, images: Tensor) -> Tensor:
        """Scale to 0..1 and normalise, as torchvision's transforms do."""
        return (images.float() / 255 - self.mean) / self.std

    def forward(self) -> None:
        """Compute the outputs of a batch in eval mode."""
        self.model.eval()
        with torch.no_grad():
            self.model(self._inputs(self.first[0])).cpu()
        self.model.train()

    def _inputs(self, inputs: Tensor) -> Tensor:
        return (self.standardise(inputs) if self.is_classifier else inputs.float()).to(self.device)

    def step(self, batch: Sequence[Tensor] | None = None) -> float:
        """Train on a batch, the first unless given."""
        inputs, targets = batch or self.first
        self.optimizer.zero_grad()
        outputs = self.model(self._inputs(inputs))
        loss = self.criterion(outputs, targets.to(self.device))
        loss.backward()
        self.optimizer.step()
        value: float = loss.item()
        return value

    def epoch(self) -> float:
        """Train on all samples."""
        running_loss = 0.0
        for batch in self.loader:
            running_loss += self.step(batch)
        return running_loss / len(self.loader)
