"""The convnet of train.mjs in PyTorch, on the same split and with the same initialisation: train.py FOLDER EPOCHS SEEDS."""
import json
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

folder, epochs, seeds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def load(name):
    x = torch.from_numpy(np.fromfile(f"{folder}/{name}-x.f32", dtype="float32")).view(-1, 1, 28, 28)
    return x, torch.from_numpy(np.fromfile(f"{folder}/{name}-y.i32", dtype="int32")).long()


(x, y), (test_x, test_y) = load("train"), load("test")
accuracies = []
for seed in range(1, seeds + 1):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    )
    for parameter in model.parameters():
        # As Keras and tfjs begin.
        nn.init.xavier_uniform_(parameter) if parameter.dim() > 1 else nn.init.zeros_(parameter)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(128):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracies.append((model(test_x).argmax(1) == test_y).float().mean().item())
print(json.dumps(accuracies))
