"""Makes fixtures/lora-reference.json and fixtures/adapter/: adapters of peft on a small Llama, their logits and gradients.

    python test/text/lora.py    (torch, transformers, peft)

Weights are sines of their place, so that nothing but shapes has to agree.
"""
import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

FORM = dict(
    vocab_size=31, max_position_embeddings=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    hidden_size=16, head_dim=4, intermediate_size=24, hidden_act='silu', rms_norm_eps=1e-5, rope_theta=10000.0,
    attention_bias=False, mlp_bias=False, tie_word_embeddings=True,
)


def sines(count, phase, scale):
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.37 + phase) * scale


def base_model():
    model = LlamaForCausalLM(LlamaConfig(**FORM)).double()
    for i, (name, p) in enumerate(sorted(model.named_parameters())):
        with torch.no_grad():
            p.copy_(sines(p.numel(), i, 0.3).reshape(p.shape) + (1 if 'norm' in name else 0))
    return model


def batch():
    x = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]])
    y = torch.tensor([[-1, -1, 4, 1, 5, -1, -1, 8], [-1, 9, -1, -1, -1, 7, 3, 2]])
    return x, y


def fill(model):
    for i, (name, p) in enumerate(sorted((n, p) for n, p in model.named_parameters() if 'lora_' in n)):
        with torch.no_grad():
            p.copy_(sines(p.numel(), 100 + i, 0.2).reshape(p.shape))


def loss_of(model):
    x, y = batch()
    logits = model(x).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-1, reduction='none').reshape(y.shape)
    return logits, (losses.sum(-1) / (y >= 0).sum(-1)).mean()


def reference(folder):
    rows = []
    for name, options in {
        'all': dict(r=3, lora_alpha=6, target_modules='all-linear'),
        'rank-stabilised': dict(r=4, lora_alpha=8, use_rslora=True, target_modules=['q_proj', 'v_proj', 'down_proj']),
    }.items():
        model = get_peft_model(base_model(), LoraConfig(task_type='CAUSAL_LM', **options)).double()
        fill(model)
        logits, loss = loss_of(model)
        loss.backward()
        grads = {
            n.replace('base_model.model.', '').replace('.default.weight', ''): p.grad.flatten().tolist()
            for n, p in model.named_parameters() if p.grad is not None
        }
        rows.append(dict(name=name, loss=loss.item(), logits=logits.detach().flatten().tolist(), gradients=grads))
        if name == 'all':
            model.float().save_pretrained(os.path.join(folder, 'adapter'))
    for other in ('README.md',):
        path = os.path.join(folder, 'adapter', other)
        if os.path.exists(path):
            os.remove(path)
    base, _ = loss_of(base_model())
    with open(os.path.join(folder, 'lora-reference.json'), 'w') as file:
        json.dump(dict(base=base.detach().flatten().tolist(), rows=rows), file)


def check(base, adapter):
    """Logits of an adapter that was written elsewhere, on a model that was."""
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    x, _ = batch()
    print(json.dumps(model(x).logits.detach().flatten().tolist()))


if __name__ == '__main__':
    if len(sys.argv) > 1:
        check(*sys.argv[1:])
    else:
        reference(os.path.join(os.path.dirname(__file__), 'fixtures'))
