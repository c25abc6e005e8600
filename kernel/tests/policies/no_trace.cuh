// A trace policy that does nothing: what is compared is the protocol, not its records.
#pragma once

#include "kerneltwin/actors/launch_args.h"

namespace kerneltwin {

struct NoTrace {
  using Stamp = uint64_t;
  __device__ __forceinline__ bool off() const { return true; }
  __device__ __forceinline__ Stamp stamp() const { return 0; }
  __device__ __forceinline__ void record(EventKind, uint32_t, uint32_t, uint32_t) {}
  __device__ __forceinline__ void recordAt(Stamp, EventKind, uint32_t, uint32_t, uint32_t) {}
};

/// What a spinning thread gives up by.
struct Patience {
  AbortWords* words;
  const SpinState* self;
};

/// Stands for the arithmetic of a task: keeps its values alive and costs no instruction.
__device__ __forceinline__ void work(const Task& t, uint32_t index, uint32_t rows) {
  asm volatile("// %0 %1 %2 %3 %4 %5 %6" ::"r"(static_cast<uint32_t>(t.op)), "r"(t.peer), "r"(t.expert), "r"(t.block),
               "r"(t.col), "r"(index), "r"(rows)
               : "memory");
}

}  // namespace kerneltwin
