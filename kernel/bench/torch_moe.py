#!/usr/bin/env python3
"""The MoE layer as PyTorch runs it eagerly: what a fused kernel is compared with.

    torch_moe.py [FILE]        work orders, one JSON object a line, from FILE or standard input

Prints one JSON object a line: first what PyTorch and GPU there are, or {"error": ...} and exit code 2; then an answer to every
order, in order. An order that cannot be measured is answered with {"error": ...}; the next one is tried all the same.

Order: tokens, hidden, intermediate, experts, topK; optional: activation (relu, gelu, silu, identity; gated: swiglu, geglu),
renormalise (false), launches (30), warmUps (10), copies (2), seed (1), device (0), cpu (false; for trying the script out: nothing
is timed).

The work: softmax of the router's logits, top-k, both GEMMs of every chosen row by torch._grouped_mm in bf16, the weighted sum of a
token's rows. No capacity, no bias, no torch.compile. Several ways to write the same layer are measured and the fastest is reported,
with the times of all. Weights and tokens come in several copies that are used in turn, and the tokens of the next copy are drawn
anew before each run, so that nothing is found in L2.

Two times of each run: `events`, CUDA events around the layer on an idle stream, as a program would time it; and `gpu`, the same
events while the stream is held back until the host has queued everything, so that it is the GPU's time alone.
"""

import json
import sys
import time


def fail(message):
    print(json.dumps({"error": message}), flush=True)
    sys.exit(2)


try:
    import torch
except ImportError as error:
    fail(f"{sys.executable} has no PyTorch: {error}")

DTYPE = torch.bfloat16
ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,  # the erf form
    "silu": torch.nn.functional.silu,
    "identity": lambda x: x,
    "swiglu": lambda x: gated(torch.nn.functional.silu, x),
    "geglu": lambda x: gated(torch.nn.functional.gelu, x),
}
GATED = ("swiglu", "geglu")
# Longer than the host takes to queue one layer: about 15 operations at 5 to 10 us.
HOLD_CYCLES = 1_000_000


def gated(activation, x):
    """W1 has the gates' rows first, then those of what they let through."""
    gate, up = x.chunk(2, -1)
    return activation(gate) * up


class Copy:
    """Weights and tokens, uniform with the amplitudes that the kernel's own fills have."""

    def __init__(self, order, device, seed):
        tokens, hidden, inner = order["tokens"], order["hidden"], order["intermediate"]
        experts = order["experts"]
        self.random = torch.Generator(device=device)
        self.random.manual_seed(seed)

        def uniform(*shape, amplitude):
            made = torch.empty(shape, device=device, dtype=DTYPE)
            return made.uniform_(-amplitude, amplitude, generator=self.random)

        self.x = uniform(tokens, hidden, amplitude=1.0)
        self.router = uniform(experts, hidden, amplitude=2.0 / hidden**0.5)
        # As torch.nn.Linear keeps them: [E][out][in]; the grouped GEMM takes the transposed view.
        rows = 2 * inner if order["activation"] in GATED else inner
        self.w1 = uniform(experts, rows, hidden, amplitude=(3.0 / hidden) ** 0.5)
        self.w2 = uniform(experts, hidden, inner, amplitude=(3.0 / inner) ** 0.5)

    def draw_tokens(self):
        self.x.uniform_(-1.0, 1.0, generator=self.random)

    def lay_out(self, rows_first):
        """Weights as [E][in][out] in memory, or as [E][out][in]: the GEMM's speed may depend on it."""
        if rows_first:
            self.a1 = self.w1.transpose(1, 2).contiguous()
            self.a2 = self.w2.transpose(1, 2).contiguous()
        else:
            self.a1 = self.w1.transpose(1, 2)
            self.a2 = self.w2.transpose(1, 2)


def route(copy, order):
    """Weights and experts of every choice; the order that sorts choices by expert; where each expert's rows end."""
    logits = (copy.x @ copy.router.t()).float()
    weights, chosen = torch.topk(torch.softmax(logits, -1), order["topK"], -1)
    if order["renormalise"]:
        weights = weights / weights.sum(-1, keepdim=True)
    return weights, chosen.reshape(-1)


def multiply(copy, order, rows, ends):
    inner = torch._grouped_mm(rows, copy.a1, offs=ends)
    return torch._grouped_mm(ACTIVATIONS[order["activation"]](inner), copy.a2, offs=ends)


def scatter(copy, order):
    """Counts by bincount, rows added into the output: the plain way. bincount waits for the GPU."""
    k = order["topK"]
    weights, flat = route(copy, order)
    by_expert = torch.argsort(flat, stable=True)
    ends = torch.cumsum(torch.bincount(flat, minlength=order["experts"]), 0).to(torch.int32)
    token = by_expert // k
    rows = multiply(copy, order, copy.x[token], ends)
    rows = rows * weights.reshape(-1)[by_expert].unsqueeze(1).to(DTYPE)
    return torch.zeros_like(copy.x).index_add_(0, token, rows)


def sorted_ends(order, flat):
    """Sorts small integers, and finds the ends in what is sorted: no wait for the GPU."""
    keys, by_expert = torch.sort(flat.to(torch.int16), stable=True)
    bounds = torch.arange(order["experts"], device=flat.device, dtype=torch.int16)
    return by_expert, torch.searchsorted(keys, bounds, right=True, out_int32=True)


def queued_scatter(copy, order):
    """As `scatter`, without waiting for the GPU."""
    weights, flat = route(copy, order)
    by_expert, ends = sorted_ends(order, flat)
    token = by_expert // order["topK"]
    rows = multiply(copy, order, copy.x[token], ends)
    rows = rows * weights.reshape(-1)[by_expert].unsqueeze(1).to(DTYPE)
    return torch.zeros_like(copy.x).index_add_(0, token, rows)


def queued_gather(copy, order):
    """A token's rows are gathered again and summed by a small product: no atomics."""
    k = order["topK"]
    weights, flat = route(copy, order)
    by_expert, ends = sorted_ends(order, flat)
    rows = multiply(copy, order, copy.x[by_expert // k], ends)
    place = torch.empty_like(by_expert)
    place[by_expert] = torch.arange(by_expert.numel(), device=flat.device)
    own = rows[place].view(-1, k, order["hidden"])
    return torch.bmm(weights.to(DTYPE).unsqueeze(1), own).squeeze(1)


WAYS = {"scatter": scatter, "queued scatter": queued_scatter, "queued gather": queued_gather}


def reference(copy, order, judged):
    """The layer in fp64 for some tokens, expert by expert."""
    x = copy.x[judged].double()
    probability = torch.softmax(x @ copy.router.double().t(), -1)
    weights, chosen = torch.topk(probability, order["topK"], -1)
    if order["renormalise"]:
        weights = weights / weights.sum(-1, keepdim=True)
    out = torch.zeros_like(x)
    for expert in chosen.unique().tolist():
        at, j = (chosen == expert).nonzero(as_tuple=True)
        inner = ACTIVATIONS[order["activation"]](x[at] @ copy.w1[expert].double().t())
        out.index_add_(0, at, (inner @ copy.w2[expert].double().t()) * weights[at, j].unsqueeze(1))
    return out


def relative_error(way, copy, order, device):
    tokens = order["tokens"]
    judged = torch.arange(0, tokens, max(1, tokens // 64), device=device)
    expected = reference(copy, order, judged)
    got = way(copy, order)[judged].double()
    return (torch.linalg.norm(got - expected) / torch.linalg.norm(expected)).item()


def percentile(ordered, share):
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def timing(samples):
    ordered = sorted(samples)
    n = len(ordered)
    return {
        "median": (ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        "min": ordered[0],
        "p95": percentile(ordered, 0.95),
        "samples": [float(f"{ms:.6g}") for ms in samples],
    }


def measure(way, copies, order, held):
    samples = []
    count = order["warmUps"] + order["launches"]
    for i in range(count):
        copies[(i + 1) % len(copies)].draw_tokens()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        if held:
            torch.cuda._sleep(HOLD_CYCLES)
        else:
            torch.cuda.synchronize()
        begin.record()
        way(copies[i % len(copies)], order)
        end.record()
        torch.cuda.synchronize()
        if i >= order["warmUps"]:
            samples.append(begin.elapsed_time(end))
    return samples


def operations(way, copy, order):
    """GPU operations of one forward pass, by the profiler; None with the reason where it cannot be had."""
    try:
        activity = torch.profiler.ProfilerActivity.CUDA
        with torch.profiler.profile(activities=[activity]) as profile:
            way(copy, order)
            torch.cuda.synchronize()
        cuda = torch.autograd.DeviceType.CUDA
        return sum(1 for event in profile.events() if event.device_type == cuda), None
    except Exception as error:  # the profiler's own; the times stand without it
        return None, f"{type(error).__name__}: {error}"


def tried(copies, order, device):
    """Every way with either layout of the weights: its times, or why it does not run."""
    results = []
    for rows_first in (False, True):
        for copy in copies:
            copy.lay_out(rows_first)
        for name, way in WAYS.items():
            label = f"{name}, weights [E][{'in' if rows_first else 'out'}][{'out' if rows_first else 'in'}]"
            try:
                error = relative_error(way, copies[0], order, device)
                samples = [] if order["cpu"] else measure(way, copies, order, False)
                results.append((label, name, rows_first, error, samples))
            except RuntimeError as problem:
                results.append((label, name, rows_first, str(problem).splitlines()[0], None))
    return results


def answer(order):
    device = torch.device("cpu" if order["cpu"] else f"cuda:{order['device']}")
    started = time.monotonic()
    copies = [Copy(order, device, order["seed"] + i) for i in range(order["copies"])]
    results = tried(copies, order, device)
    right = [r for r in results if r[4] is not None and r[3] < 2e-2]
    ways = {
        r[0]: {"error": r[3]} if r[4] is None else {"relativeError": r[3], **({"ms": timing(r[4])["median"]} if r[4] else {})}
        for r in results
    }
    if not right:
        return {"error": "no way of writing the layer ran and was right", "ways": ways}
    if order["cpu"]:
        return {"ways": ways}
    label, name, rows_first, error, samples = min(right, key=lambda r: timing(r[4])["median"])
    for copy in copies:
        copy.lay_out(rows_first)
    # The GPU alone: ways that wait for the GPU in the middle cannot be held.
    queued = [r for r in right if r[1] != "scatter"]
    gpu, gpu_label = None, None
    if queued:
        best = min(queued, key=lambda r: timing(r[4])["median"])
        gpu_label = best[0]
        for copy in copies:
            copy.lay_out(best[2])
        gpu = timing(measure(WAYS[best[1]], copies, order, True))
    for copy in copies:
        copy.lay_out(rows_first)
    count, why = operations(WAYS[name], copies[0], order)
    return {
        "way": label,
        "events": timing(samples),
        "gpuWay": gpu_label,
        "gpu": gpu,
        "operations": count,
        "operationsMissing": why,
        "relativeError": error,
        "ways": ways,
        "seconds": time.monotonic() - started,
    }


DEFAULTS = {
    "activation": "relu",
    "renormalise": False,
    "launches": 30,
    "warmUps": 10,
    "copies": 2,
    "seed": 1,
    "device": 0,
    "cpu": False,
}
NEEDED = ("tokens", "hidden", "intermediate", "experts", "topK")


def checked(line):
    order = {**DEFAULTS, **json.loads(line)}
    for key in NEEDED + ("launches", "copies"):
        if not isinstance(order.get(key), int) or order[key] < 1:
            raise ValueError(f"{key}: expected an integer of at least 1, got {order.get(key)!r}")
    if order["activation"] not in ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {order['activation']!r}")
    return order


def answered(line):
    """An answer in any case: the next order may do better."""
    try:
        order = checked(line)
        with torch.inference_mode():
            return answer(order)
    except (RuntimeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def facts():
    if not hasattr(torch, "_grouped_mm"):
        fail(f"PyTorch {torch.__version__} has no torch._grouped_mm")
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "gpu": gpu}


def main():
    print(json.dumps(facts()), flush=True)
    source = open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin
    for line in source:
        if line.strip():
            print(json.dumps(answered(line)), flush=True)


main()
