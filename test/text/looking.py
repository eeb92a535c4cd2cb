"""Attention and lens of two small models, as transformers computes them in float64: the numbers of looking.test.ts.

python test/text/looking.py    (torch, transformers; seen with 2.13 and 5.24)
"""
import json
import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

ids = [3, 1, 4, 1, 5, 9, 2, 6]


def fill(*shape):
    """The values that the tests fill a parameter of this shape with, rounded to float32 as there."""
    size = int(np.prod(shape))
    values = np.sin(np.arange(size) * 0.7 + size) * 0.3 + (0.5 if len(shape) == 1 else 0)
    return torch.tensor(values.astype(np.float32).astype(np.float64).reshape(shape))


def gpt2():
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2, attn_implementation="eager",
                        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(fill(*parameter.shape))
    return model, model.transformer.ln_f


def llama():
    config = LlamaConfig(vocab_size=50, max_position_embeddings=16, hidden_size=16, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, intermediate_size=48, rms_norm_eps=1e-5,
                         tie_word_embeddings=False, attn_implementation="eager")
    model = LlamaForCausalLM(config).double().eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(fill(50, 16))
        model.model.norm.weight.copy_(fill(16))
        model.lm_head.weight.copy_(fill(16, 50).T)
        for layer in model.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            q, k, v = torch.split(fill(16, 32), [16, 8, 8], dim=1)
            attention.q_proj.weight.copy_(q.T)
            attention.k_proj.weight.copy_(k.T)
            attention.v_proj.weight.copy_(v.T)
            attention.o_proj.weight.copy_(fill(16, 16).T)
            mlp.up_proj.weight.copy_(fill(16, 48).T)
            mlp.gate_proj.weight.copy_(fill(16, 48).T)
            mlp.down_proj.weight.copy_(fill(48, 16).T)
            layer.input_layernorm.weight.copy_(fill(16))
            layer.post_attention_layernorm.weight.copy_(fill(16))
    return model, model.model.norm


for name, make in [("gpt2", gpt2), ("llama", llama)]:
    model, norm = make()
    with torch.no_grad():
        seen = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
        # transformers norms the last of its hidden states itself.
        logits = [model.lm_head(norm(state))[0] for state in seen.hidden_states[:-1]] + [seen.logits[0]]
        probabilities = [torch.softmax(one, -1) for one in logits]
    last = [float(p) for p in seen.logits[0, -1, :3]]
    print(name, json.dumps({
        "logits": [round(x, 6) for x in last],
        "attention": [[round(float(x), 6) for x in seen.attentions[1][0, head, 5, :6]] for head in (0, 1)],
        "best": [[int(p[5].argmax()) for p in probabilities], [int(p[2].argmax()) for p in probabilities]],
        "probability": [round(float(p[5].max()), 6) for p in probabilities],
        "loss": [round(float(-torch.log(p[5, ids[6]])), 5) for p in probabilities],
    }))
