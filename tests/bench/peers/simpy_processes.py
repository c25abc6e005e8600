"""Hold model on SimPy: one process for each pending event, each in an endless loop of timeouts."""

import json
import math
import sys
import time

import simpy

pending, warm, timed = (int(word) for word in sys.argv[1:4])


def exponential():
    """65,536 delays with mean 1e9 from the xorshift32 stream that all drivers use."""
    delays = []
    state = 0x9E3779B9
    for _ in range(1 << 16):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        delays.append(round(-math.log((state + 1) / 4294967297) * 1e9))
    return delays


delays = exponential()
at = 0


def process(env):
    global at
    while True:
        at = (at + 1) & 0xFFFF
        yield env.timeout(delays[at])


env = simpy.Environment()
for _ in range(pending):
    env.process(process(env))
# A process starts by an event of its own.
step = env.step
for _ in range(pending + warm):
    step()
begin = time.process_time()
for _ in range(timed):
    step()
print(json.dumps({"holds": timed, "cpuSeconds": time.process_time() - begin}))
