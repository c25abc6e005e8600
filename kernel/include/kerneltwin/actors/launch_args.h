// Everything a launch of the fused kernel is given: plain data, passed by value as the kernel's only parameter.
#pragma once

#include <cstdint>

#include "kerneltwin/actors/block.h"
#include "kerneltwin/gemm/activation.h"
#include "kerneltwin/gemm/bf16.h"
#include "kerneltwin/layout/placement.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/subscriber.h"
#include "kerneltwin/trace/record.h"

namespace kerneltwin {

/// A choice without a row: dropped by capacity.
inline constexpr uint32_t kDropped = 0xffffffffu;

/// Where an actor was when it gave up; see AbortWords.
enum class Site : uint32_t { Start = 0, Barrier = 1, Dispatch = 2, Processor = 3, Scheduler = 4, Subscriber = 5 };

/// Set once per launch by the first actor that gives up (or by the host), polled by all spins.
struct AbortWords {
  uint32_t code;
  uint32_t actor;
  uint32_t site;
  uint32_t reserved;
};

/// What the OS block knew when it left: its words live in shared memory, so it leaves a copy.
struct OsReport {
  uint32_t bound;
  uint32_t initialBound;
  uint32_t interrupted;
  uint32_t correctedPeers;
};

/// This launch's tensors of the rank; shapes in api.h.
struct Tensors {
  const bf16* x;
  const bf16* wg;
  const bf16* w1;
  const float* b1;   ///< null without bias
  const bf16* w2;
  const float* b2;
  bf16* out;
  uint32_t* choices;
  uint32_t* rows;
  float* scales;
};

/// Memory that peers write or read.
struct Symmetric {
  bf16* heap;
  uint64_t* flags;
  bf16* const* peerHeaps;       ///< [ranks] null where there is no direct access
  uint64_t* const* peerFlags;   ///< [ranks]
};

/// The rank's own working memory. "Kept": carries values from launch to launch.
struct Workspace {
  bf16* intermediate;
  uint32_t* counts;             ///< [processors][experts] choices in a block's share
  uint32_t* ownRows;            ///< [blocks][experts] rows this rank keeps; every block has its own copy
  uint32_t* entryOfRow;         ///< [experts][capacity] token * topK + choice
  uint32_t* cellArrivals;       ///< [experts] back at zero after every launch
  uint32_t* rowBlockArrivals;   ///< [rowBlockIndex] likewise
  uint32_t* tokenArrivals;      ///< [tokens][gemm1Cols] likewise
  uint64_t* barrier;            ///< kept
  Mailboxes mailboxes;          ///< kept
  uint64_t* processorRing;      ///< kept
  uint32_t* processorTail;      ///< kept
  uint64_t* subscriberRings;    ///< kept; [subscribers][subscriberQueueCapacity]
  uint32_t* tickets;            ///< kept; [subscribers]
  uint32_t* heads;              ///< kept; [subscribers + 1]
  WatchChunk* watch;            ///< [subscribers][watchListCapacity]
  OsReport* osReport;
  AbortWords* abort;
};

struct TraceBuffers {
  TraceRingHeader* headers;     ///< [processors + 1 + subscribers], or null: tracing off
  TraceRecord* records;         ///< [ring][capacity]
  uint32_t capacity;
};

struct LaunchArgs {
  Shape shape;
  const uint32_t* placement;    ///< [ranks + 1]
  uint32_t rank;
  uint32_t epoch;
  uint32_t tokens;              ///< of this rank in this launch
  uint32_t keep;                ///< rows this rank may keep for one expert
  Activation activation;
  bool renormalise;
  bool given;                   ///< choices are input
  bool eager;
  Scheduling scheduling;
  uint64_t deadlineNs;          ///< longest run of the launch
  Tensors tensors;
  Symmetric symmetric;
  Workspace work;
  TraceBuffers trace;
};

/// Phases of the rank's barrier in one launch.
inline constexpr uint32_t kBarrierPhases = 1;

}  // namespace kerneltwin
