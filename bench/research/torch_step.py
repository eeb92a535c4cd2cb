"""The programs of this folder in PyTorch: torch_step.py PROGRAM THREADS. A line in: iterations. A line out: JSON, milliseconds of each."""
import copy
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

program = sys.argv[1]
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(1)
rows = 2048


def mlp(*widths):
    layers = []
    for at in range(len(widths) - 1):
        layers.append(nn.Linear(widths[at], widths[at + 1]))
        if at < len(widths) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def with_loss(fields, batch, parts, loss):
    optimizer = torch.optim.Adam([p for part in parts for p in part.parameters()], lr=1e-3)
    at = 0

    def step():
        nonlocal at
        start = at * batch % (rows - batch)
        at += 1
        optimizer.zero_grad()
        value = loss(*(field[start : start + batch] for field in fields))
        value.backward()
        optimizer.step()
        return value.item()

    return step


def vae():
    encoder, decoder = mlp(784, 128, 4), mlp(2, 128, 784)

    def loss(x):
        mean, log_variance = encoder(x).chunk(2, 1)
        logits = decoder(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        reconstruction = (F.softplus(logits) - x * logits).sum(1)
        kl = (mean**2 + log_variance.exp() - log_variance - 1).sum(1) / 2
        return (reconstruction + kl).mean()

    return with_loss([torch.rand(rows, 784)], 128, [encoder, decoder], loss)


def diffusion():
    net = mlp(3, 128, 128, 2)

    def loss(x):
        t = torch.rand(len(x), 1)
        drawn = torch.randn_like(x)
        noisy = x * torch.cos(t * math.pi / 2) + drawn * torch.sin(t * math.pi / 2)
        return ((net(torch.cat([noisy, t], 1)) - drawn) ** 2).mean()

    return with_loss([torch.randn(rows, 2)], 256, [net], loss)


def functional():
    left, right, head = nn.Linear(16, 32), nn.Linear(8, 32), mlp(64, 32, 1)

    def loss(x, other, y):
        both = torch.cat([F.relu(left(x)), F.relu(right(other))], 1)
        return ((head(both) - y) ** 2).mean()

    fields = [torch.randn(rows, 16), torch.randn(rows, 8), torch.randn(rows, 1)]
    return with_loss(fields, 64, [left, right, head], loss)


def attention():
    recurrent, score, head = nn.GRU(8, 32, batch_first=True), nn.Linear(32, 1), nn.Linear(32, 10)

    def loss(x, y):
        states, _ = recurrent(x)
        shares = score(states).softmax(1)
        return F.cross_entropy(head((states * shares).sum(1)), y)

    fields = [torch.randn(rows, 12, 8), torch.randint(0, 10, (rows,))]
    return with_loss(fields, 32, [recurrent, score, head], loss)


def gan():
    generator, critic = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    x, batch = torch.randn(rows, 2), 128
    of_generator = torch.optim.Adam(generator.parameters(), lr=1e-3)
    of_critic = torch.optim.Adam(critic.parameters(), lr=1e-3)
    at = 0

    def step():
        nonlocal at
        start = at * batch % (rows - batch)
        at += 1
        of_critic.zero_grad()
        made = generator(torch.randn(batch, 2)).detach()
        judged = F.softplus(-critic(x[start : start + batch])).mean() + F.softplus(critic(made)).mean()
        judged.backward()
        of_critic.step()
        of_generator.zero_grad()
        fooled = F.softplus(-critic(generator(torch.randn(batch, 2)))).mean()
        fooled.backward()
        of_generator.step()
        return judged.item() + fooled.item()

    return step


def dqn():
    online = mlp(4, 64, 64, 2)
    target = copy.deepcopy(online)
    count = 0

    def loss(x, y, after, reward):
        nonlocal count
        count += 1
        if count % 100 == 0:
            target.load_state_dict(online.state_dict())
        with torch.no_grad():
            wanted = reward + 0.99 * target(after).max(1).values
        return F.huber_loss(online(x).gather(1, y[:, None])[:, 0], wanted)

    fields = [torch.randn(rows, 4), torch.randint(0, 2, (rows,)), torch.randn(rows, 4), torch.randn(rows)]
    return with_loss(fields, 64, [online], loss)


step = {"vae": vae, "gan": gan, "diffusion": diffusion, "dqn": dqn, "functional": functional, "attention": attention}[
    program
]()
for _ in range(20):
    step()
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    iterations = int(line)
    started = time.perf_counter()
    for _ in range(iterations):
        step()
    print(json.dumps({"milliseconds": (time.perf_counter() - started) * 1000 / iterations}), flush=True)
