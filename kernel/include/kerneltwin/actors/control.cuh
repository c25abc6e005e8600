// The control page at the start of a block's shared memory: what outlives the tiles.
#pragma once

#include "kerneltwin/actors/launch_args.h"
#include "kerneltwin/gemm/source_state.h"
#include "kerneltwin/gemm/tile.h"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

/// One actor's ring while a launch runs; written by the actor's warp only.
struct RingState {
  TraceRecord* records;
  uint64_t originNs;
  uint64_t originTicks;
  uint32_t capacity;
  uint32_t written;
};

/// What a spinning thread needs to give up and to say where it was.
struct SpinState {
  uint64_t deadline;   ///< on the global timer
  uint32_t actor;
  Site site;
};

struct Control {
  LaunchArgs args;     ///< copied from the kernel's parameter: what is derived from it is computed again where it is
                       ///< needed instead of being hoisted out of the task loop into registers that the tile lacks
  SourceState source;  ///< the processor's; its `processor` is all that the mma.sync block uses
  PickedTask job;
  TileOperands tile;   ///< the GEMM task under way: kept here, not in registers, while the tile accumulates
  TileOutput to;
  RingState rings[kMaxBlockWarps];
  SpinState spins[kMaxBlockWarps];
  uint32_t corrected[kMaxRanks / 32];
  uint32_t bound;
  uint32_t interrupted;
  char* list;          ///< list a phase builds in the memory it has
  uint32_t listed;     ///< entries in it
  uint32_t ok;
};
static_assert(sizeof(Control) <= kControlBytes);

KT_DEVICE Control& control() { return *reinterpret_cast<Control*>(ptx::dynamicShared()); }

/// The memory that phases and tasks take turns to use.
KT_DEVICE char* pipelineMemory() { return ptx::dynamicShared() + kControlBytes; }

}  // namespace kerneltwin
