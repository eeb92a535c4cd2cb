"""Prints the values that optimizers.test.ts holds, in float64: python test/backend/references/optimizers.py (torch 2.13)"""
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
