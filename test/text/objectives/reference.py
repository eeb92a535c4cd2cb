"""Losses and gradients of the objectives on a small GPT-2, as PyTorch computes them in float64: the numbers of the tests beside it.

python test/text/objectives/reference.py    (torch, transformers; seen with 2.13 and 5.24)
"""
import json
import numpy as np
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

# Two pairs: tokens of prompt and answer, and where the answer begins.
pairs = [
    (([3, 1, 4, 1, 5, 9], 3), ([3, 1, 4, 2, 6], 3)),
    (([7, 7, 8, 2], 2), ([7, 7, 5, 3, 5, 8, 9], 2)),
]


def fill(*shape):
    """The values that the tests fill a parameter of this shape with, rounded to float32 as there."""
    size = int(np.prod(shape))
    values = np.sin(np.arange(size) * 0.7 + size) * 0.3 + (0.5 if len(shape) == 1 else 0)
    return torch.tensor(values.astype(np.float32).astype(np.float64).reshape(shape))


def gpt2(scale):
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2, attn_implementation="eager",
                        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((fill(*parameter.shape) * np.float32(scale)).float().double())
    return model


def token_logps(model, ids, begins, temperature=1.0):
    logits = model(torch.tensor([ids])).logits[0, :-1] / temperature
    logps = torch.log_softmax(logits, -1).gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
    return logps[begins - 1:]


def shown(loss, model, **more):
    model.zero_grad()
    loss.backward()
    qkv = model.transformer.h[0].attn.c_attn.weight.grad
    norm = torch.sqrt(sum((p.grad ** 2).sum() for p in model.parameters() if p.grad is not None))
    return {"loss": loss.item(), "norm": norm.item(), "qkv": [qkv[0, 0].item(), qkv[5, 17].item(), qkv[15, 40].item()],
            **{name: value.item() if hasattr(value, "item") else value for name, value in more.items()}}


reference, policy = gpt2(1.0), gpt2(1.1)
with torch.no_grad():
    before = [[token_logps(reference, *side) for side in pair] for pair in pairs]


def preference(variant="dpo", beta=0.1, gamma=1.0, alpha=0.0):
    losses, rewards, whole = [], [], []
    for pair, old in zip(pairs, before):
        chosen, rejected = [token_logps(policy, *side) for side in pair]
        ratios = [(chosen - old[0]).sum(), (rejected - old[1]).sum()]
        if variant == "dpo":
            loss = -F.logsigmoid(beta * (ratios[0] - ratios[1]))
        elif variant == "ipo":
            loss = (ratios[0] / len(chosen) - ratios[1] / len(rejected) - 1 / (2 * beta)) ** 2
        else:
            ratios = [chosen.mean(), rejected.mean()]
            loss = -F.logsigmoid(beta * (ratios[0] - ratios[1]) - gamma)
        losses.append(loss - alpha * chosen.mean())
        rewards.append(torch.stack(ratios).detach() * beta)
        whole.append(torch.stack([chosen.sum(), rejected.sum()]).detach())
    rewards, whole = torch.stack(rewards), torch.stack(whole)
    return shown(torch.stack(losses).mean(), policy, rewardChosen=rewards[:, 0].mean(), rewardRejected=rewards[:, 1].mean(),
                 margin=(rewards[:, 0] - rewards[:, 1]).mean(), accuracy=(rewards[:, 0] > rewards[:, 1]).double().mean(),
                 logLikelihoodChosen=whole[:, 0].mean(), logLikelihoodRejected=whole[:, 1].mean())


print("dpo", json.dumps(preference()))
print("dpo with a likelihood", json.dumps(preference(alpha=0.2)))
print("ipo", json.dumps(preference("ipo")))
print("simpo", json.dumps(preference("simpo", beta=2.0)))


def bradley_terry():
    """The reward is a linear map of the last state, normed without gain and bias, at the last token of the answer."""
    head = fill(16, 1).clone().requires_grad_()
    rewards = []
    for pair in pairs:
        for ids, _ in pair:
            state = policy.transformer(torch.tensor([ids]), output_hidden_states=True)
            seen = []
            hook = policy.transformer.ln_f.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
            policy.transformer(torch.tensor([ids]))
            hook.remove()
            rewards.append((F.layer_norm(seen[0][0, -1], (16,), eps=1e-5) @ head)[0])
    rewards = torch.stack(rewards).reshape(-1, 2)
    loss = -F.logsigmoid(rewards[:, 0] - rewards[:, 1]).mean()
    return {**shown(loss, policy, margin=(rewards[:, 0] - rewards[:, 1]).mean()), "rewards": rewards.detach().tolist(),
            "head": head.grad[:3, 0].tolist()}


print("reward", json.dumps(bradley_terry()))


# Two prompts with two answers each, drawn from another policy than the one that is trained.
answers = [pairs[0][0], pairs[0][1], pairs[1][0], pairs[1][1]]
rewards = torch.tensor([[1.0, 0.25], [0.0, 2.0]]).double()
drawer = gpt2(1.08)


def group_relative(form, beta, clip, temperature=0.7, most=5):
    with torch.no_grad():
        drawn = [token_logps(drawer, *answer, temperature) for answer in answers]
        anchor = [token_logps(reference, *answer, temperature) for answer in answers]
    above = rewards - rewards.mean(1, keepdim=True)
    if form == "original":
        above = above / (rewards.std(1, keepdim=True) + 1e-4)
    above = above.flatten()
    total, kls, clipped, tokens = 0, 0.0, 0, 0
    for answer, old, ref, advantage in zip(answers, drawn, anchor, above):
        logps = token_logps(policy, *answer, temperature)
        ratio = torch.exp(logps - old)
        bounded = torch.clamp(ratio, 1 - clip[0], 1 + clip[1])
        kl = torch.exp(ref - logps) - (ref - logps) - 1
        per_token = -torch.min(ratio * advantage, bounded * advantage) + beta * kl
        total = total + per_token.sum() / (len(logps) if form == "original" else most) / len(answers)
        kls += kl.sum().item()
        clipped += (((ratio < 1 - clip[0]) & (advantage < 0)) | ((ratio > 1 + clip[1]) & (advantage > 0))).sum().item()
        tokens += len(logps)
    return shown(total, policy, kl=kls / tokens, clipped=clipped / tokens)


print("unbiased", json.dumps(group_relative("unbiased", 0.04, (0.05, 0.05))))
print("original", json.dumps(group_relative("original", 0.5, (0.1, 0.3))))
