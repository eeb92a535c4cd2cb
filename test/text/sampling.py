"""What transformers leaves of some logits: sampling.py, whose output is in sampling.test.ts. The logits are 4 sin(1.7 i) + 2 cos(0.31 i)."""
import json
import math

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

logits = torch.tensor([[4 * math.sin(1.7 * i) + 2 * math.cos(0.31 * i) for i in range(60)]], dtype=torch.float64)
seen = torch.tensor([[1, 5, 16, 27, 5]])
cases = [
    {"temperature": 0.7},
    {"topK": 5},
    {"topP": 0.6},
    {"minP": 0.3},
    {"repetitionPenalty": 1.5, "topK": 6},
    {"temperature": 1.6, "topK": 12, "topP": 0.8, "minP": 0.35, "repetitionPenalty": 1.3},
    {"temperature": 2.5, "topP": 0.9, "minP": 0.2},
]
for case in cases:
    rows = [
        RepetitionPenaltyLogitsProcessor(case.get("repetitionPenalty", 1.0)),
        TemperatureLogitsWarper(case.get("temperature", 1.0)),
        TopKLogitsWarper(case.get("topK", 60)),
        TopPLogitsWarper(case.get("topP", 1.0)),
        MinPLogitsWarper(case.get("minP", 0.0)),
    ]
    chances = LogitsProcessorList(rows)(seen, logits.clone()).softmax(-1)[0]
    kept = sorted((i for i in range(60) if chances[i] > 0), key=lambda i: (-chances[i].item(), i))[:12]
    count = int((chances > 0).sum())
    print(json.dumps([case, count, kept, [round(chances[i].item(), 6) for i in kept]]))
