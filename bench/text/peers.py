"""Peers of gradbook/text: peers.py WHO OPTIONS. A line in: what to do. A line out: what it took."""
import json
import math
import os
import sys
import time

who, options = sys.argv[1], json.loads(sys.argv[2])
threads = int(options["threads"])
question = "<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\n"
long_prompt = [500 + i * 37 for i in range(512)]


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Transformers:
    def __init__(self):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(threads)
        self.torch = torch
        folder, file = os.path.split(options["gguf"])
        self.tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        self.model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()

    def write(self, ids, tokens):
        """The moments at which tokens are there."""
        torch, moments = self.torch, []
        with torch.no_grad():
            x, past = torch.tensor([ids]), None
            for _ in range(tokens):
                out = self.model(x, past_key_values=past, use_cache=True, logits_to_keep=1)
                past, x = out.past_key_values, out.logits[:, -1:].argmax(-1)
                x.item()
                moments.append(time.perf_counter())
        return moments

    def encode(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]


class Llama:
    def __init__(self):
        import llama_cpp

        self.llama = llama_cpp.Llama(
            options["gguf"], n_ctx=2048, n_threads=threads, n_threads_batch=threads, n_batch=512, verbose=False
        )

    def write(self, ids, tokens):
        llama, moments = self.llama, []
        llama.reset()
        llama.eval(ids)
        for _ in range(tokens):
            token = llama.sample(temp=0.0, top_k=1)
            moments.append(time.perf_counter())
            llama.eval([token])
        return moments

    def encode(self, text):
        return self.llama.tokenize(text.encode(), add_bos=False, special=True)


def train(iterations, seed):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    with open(options["text"]) as file:
        text = file.read()
    began = time.perf_counter()
    letters = sorted(set(text))
    known = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([known[letter] for letter in text])
    cut = int(len(ids) * 0.9)
    learned, held_out = ids[:cut], ids[cut:]
    vocabulary, context, layers, heads, width, batch = len(letters), 64, 4, 4, 128, 12

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(width, bias=False)
            self.attention = nn.Linear(width, 3 * width, bias=False)
            self.back1 = nn.Linear(width, width, bias=False)
            self.norm2 = nn.LayerNorm(width, bias=False)
            self.up = nn.Linear(width, 4 * width, bias=False)
            self.back2 = nn.Linear(4 * width, width, bias=False)

        def forward(self, x):
            b, t, c = x.shape
            q, k, v = (z.view(b, t, heads, c // heads).transpose(1, 2) for z in self.attention(self.norm1(x)).split(width, 2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.back1(y.transpose(1, 2).reshape(b, t, c))
            return x + self.back2(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.positions = nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width, bias=False)
            for name, p in self.named_parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * layers) if "back" in name else 0.02)

        def forward(self, x):
            h = self.tokens(x) + self.positions.weight[: x.shape[1]]
            for block in self.blocks:
                h = block(h)
            return self.norm(h) @ self.tokens.weight.T

    model = GPT()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))

    def loss_of(x, y):
        return F.cross_entropy(model(x).view(-1, vocabulary), y.reshape(-1))

    def evaluate():
        windows = (len(held_out) - 1) // context
        x = held_out[: windows * context].view(windows, context)
        y = held_out[1 : windows * context + 1].view(windows, context)
        with torch.no_grad():
            parts = [(len(x[i : i + 64]), loss_of(x[i : i + 64], y[i : i + 64]).item()) for i in range(0, windows, 64)]
        return sum(n * loss for n, loss in parts) / windows

    for i in range(iterations):
        cosine = 0.5 * (1 + math.cos(math.pi * (i - 100) / max(1, iterations - 100)))
        rate = 1e-3 * (i + 1) / 101 if i < 100 else 1e-4 + cosine * 9e-4
        for group in optimizer.param_groups:
            group["lr"] = rate
        at = torch.randint(len(learned) - context, (batch,))
        x = torch.stack([learned[j : j + context] for j in at])
        y = torch.stack([learned[j + 1 : j + context + 1] for j in at])
        loss = loss_of(x, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (i + 1) % 500 == 0 and i + 1 < iterations:
            evaluate()
    loss = evaluate()
    with torch.no_grad():
        row = torch.tensor([[known["\n"]]])
        for _ in range(500):
            logits = model(row[:, -context:])[:, -1] / 0.8
            row = torch.cat([row, torch.multinomial(logits.softmax(-1), 1)], 1)
    return {"seconds": time.perf_counter() - began, "loss": loss}


def bpe():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    with open(options["text"]) as file:
        text = file.read()[:10_000_000]
    tokenizer = Tokenizer(models.BPE())
    pattern = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
    from tokenizers import Regex

    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8192, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    began = time.perf_counter()
    tokenizer.train_from_iterator([text], trainer)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    tokenizer.encode(text)
    return {"seconds": seconds, "encoding": time.perf_counter() - began}


def lora(steps):
    """A LoRA step of peft in float32: the same rows, adapters and optimizer as ours.mjs."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    folder, file = os.path.split(options["gguf"])
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.train()
    rows, length, learned = 2, 128, 64
    x = torch.tensor([500 + (i * 37) % 4000 for i in range(rows * length)]).view(rows, length)
    # transformers shifts labels itself.
    labels = x.clone()
    labels[:, : learned + 1] = -100
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01)
    times = []
    for step in range(steps + 2):
        began = time.perf_counter()
        loss = model(input_ids=x, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= 2:
            times.append(time.perf_counter() - began)
    import resource

    return {
        "ms": sorted(times)[steps // 2] * 1e3,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "loss": loss.item(),
    }


opened = None


def decoder():
    global opened
    if opened is None:
        opened = (Transformers if who == "transformers" else Llama)()
    return opened


def do(asked):
    work = asked["work"]
    if work == "train":
        return train(asked["iterations"], asked["seed"])
    if work == "bpe":
        return bpe()
    if work == "lora":
        return lora(asked["steps"])
    before, began = resident(), time.perf_counter()
    made = decoder()
    if work == "load":
        moments = made.write(made.encode(question), 64)
        return {"ms": (moments[0] - began) * 1e3, "mb": (resident() - before) / 1e6}
    if work == "prompt":
        began = time.perf_counter()
        return {"ms": (made.write(long_prompt, 1)[0] - began) * 1e3}
    moments = made.write(made.encode(question), asked["tokens"] + 1)
    return {"rate": asked["tokens"] / (moments[-1] - moments[0])}


if who == "transformers":
    import torch  # noqa: F401, what is imported is no part of loading
    import transformers  # noqa: F401
elif who == "peft":
    import peft  # noqa: F401
elif who == "llama.cpp":
    import llama_cpp  # noqa: F401
elif who == "tokenizers":
    import tokenizers  # noqa: F401
if options["first"] in ("decode", "prompt"):
    decoder().write(decoder().encode(question), 4)
print(json.dumps({}), flush=True)
for line in sys.stdin:
    print(json.dumps(do(json.loads(line))), flush=True)
