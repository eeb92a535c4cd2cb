"""Prints the values that optimizers.test.ts holds, in float64: python test/backend/optimizers/optimizers.py (torch 2.13)"""
import torch
def grad(p, i):  # the gradient that the test uses: depends on the value and on the iteration
    k = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
    return torch.sin(3*p + i) * (k + 1) / 2
def run(make, dtype=torch.float64):
    w = torch.tensor([[0.5, -1.0],[2.0, 0.25]], dtype=dtype); b = torch.tensor([0.1, -0.2], dtype=dtype)
    w.requires_grad_(); b.requires_grad_()
    o = make(w, b)
    for i in range(1, 21):
        w.grad = grad(w.detach(), i).to(dtype); b.grad = grad(b.detach(), i).to(dtype)
        o.step()
    return [round(x, 9) for x in w.detach().flatten().tolist() + b.detach().tolist()]


T = torch.optim
for name, make in {
 'sgd': lambda w,b: T.SGD([w,b], lr=0.1),
 'sgd momentum': lambda w,b: T.SGD([w,b], lr=0.05, momentum=0.9),
 'sgd nesterov decay': lambda w,b: T.SGD([w,b], lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
 'adam': lambda w,b: T.Adam([w,b], lr=0.05),
 'adamw': lambda w,b: T.AdamW([w,b], lr=0.05, betas=(0.9,0.99), eps=1e-6, weight_decay=0.1),
 'adamw groups': lambda w,b: T.AdamW([{'params':[w],'weight_decay':0.1},{'params':[b],'lr':0.01,'weight_decay':0.0}], lr=0.05, betas=(0.8,0.95)),
 'rmsprop': lambda w,b: T.RMSprop([w,b], lr=0.01, alpha=0.9, eps=1e-6, momentum=0.5),
 'rmsprop centered': lambda w,b: T.RMSprop([w,b], lr=0.01, alpha=0.95, centered=True, weight_decay=0.01),
 'adagrad': lambda w,b: T.Adagrad([w,b], lr=0.1, initial_accumulator_value=0.1, eps=1e-8),
}.items():
    print(name, run(make))

# Muon's iteration runs in bfloat16 there; in float64 it can be compared. Its matrix is the transposed of ours.
torch.Tensor.bfloat16 = lambda self: self.double()


def muon(w, b):
    class Both:
        def __init__(self):
            self.parts = [T.Muon([w], lr=0.02, weight_decay=0.1), T.AdamW([b], lr=0.05)]

        def step(self):
            for part in self.parts:
                part.step()

    return Both()


class Lion:  # Chen et al. 2023, algorithm 2
    def __init__(self, parameters):
        self.parameters = [(p, torch.zeros_like(p)) for p in parameters]

    def step(self):
        with torch.no_grad():
            for p, m in self.parameters:
                direction = torch.sign(0.9 * m + 0.1 * p.grad)
                p.mul_(1 - 0.01 * 0.1).sub_(0.01 * direction)
                m.mul_(0.99).add_(0.01 * p.grad)


print("muon", run(muon))
print("lion", run(lambda w, b: Lion([w, b])))
