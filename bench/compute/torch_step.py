"""The works of this folder in PyTorch: torch_step.py WORK eager|fused|compile THREADS. A line in: a number of steps. A line out: JSON."""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

work, variant = sys.argv[1:3]
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(1)
vocabulary, context, layers, heads, width, batch = {
    "gpt-small": (65, 64, 4, 4, 128, 12),
    "gpt-large": (65, 256, 6, 6, 384, 4),
}.get(work, (0,) * 6)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=False)
        self.attention = nn.Linear(width, 3 * width, bias=False)
        self.projection = nn.Linear(width, width, bias=False)
        self.norm2 = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.attention(self.norm1(x)).split(width, dim=2)
        q, k, v = (z.view(b, t, heads, c // heads).transpose(1, 2) for z in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(y.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0, 0.02)

    def forward(self, x, y):
        h = self.tokens(x) + self.positions.weight
        for block in self.blocks:
            h = block(h)
        logits = self.norm(h) @ self.tokens.weight.T
        return F.cross_entropy(logits.view(-1, vocabulary), y.view(-1))


def create():
    if work == "convnet":
        model = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1600, 10),
        )
        x, y, loss = torch.rand(128, 1, 28, 28), torch.arange(128) % 10, nn.CrossEntropyLoss()
        return model, lambda run: loss(run(x), y)
    if work == "perceptron":
        model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
        x, y, loss = torch.rand(64, 2), torch.rand(64, 1), nn.MSELoss()
        return model, lambda run: loss(run(x), y)
    make = lambda factor: torch.tensor([(i * factor) % vocabulary for i in range(batch * context)]).view(batch, context)
    x, y = make(7919), make(104729)
    return GPT(), lambda run: run(x, y)


model, loss_of = create()
if work.startswith("gpt"):
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=variant == "fused")
else:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=variant == "fused")
run = torch.compile(model) if variant == "compile" else model


def step():
    loss = loss_of(run)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if work.startswith("gpt"):
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


for _ in range(5):
    step()
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        started = time.perf_counter()
        step()
        times.append((time.perf_counter() - started) * 1e3)
    print(json.dumps({"times": times}), flush=True)
