// Trace records: 16 bytes, written by one lane of the acting warp into a ring of its block. The kinds and the meaning
// of their fields are the trace format of both halves; TypeScript's copy is generated from this file.
#pragma once

#include "kerneltwin/layout/host_device.h"

#include <cstdint>

namespace kerneltwin {

/// Event kinds. Fields: `aux` 16 bits, `a` and `b` 32 bits each.
/// X(name, value, "aux", "a", "b")
#define KT_EVENT_KINDS(X)                                                                          \
  X(LaunchBegin, 1, "", "epoch", "epoch state")                                                    \
  X(GateBegin, 2, "", "", "")                                                                      \
  X(GateEnd, 3, "", "tokens gated by this block", "")                                              \
  X(BarrierArrive, 4, "", "phase", "arrivals before this one")                                     \
  X(BarrierLeave, 5, "", "phase", "")                                                              \
  X(DispatchBegin, 6, "", "", "")                                                                  \
  X(DispatchEnd, 7, "", "rows put by this block", "")                                              \
  X(Put, 8, "destination rank", "first heap row", "rows (20 bits) | column tile + 1 (12 bits)")    \
  X(CellArrive, 9, "destination rank", "global expert", "rows arrived before these")               \
  X(SignalSent, 10, "destination rank", "flag index", "rows (28 bits) | epoch state (4 bits)")     \
  X(SignalObserved, 11, "source rank", "flag index", "rows (28 bits) | epoch state (4 bits)")      \
  X(Surplus, 12, "peer rank", "row blocks the peer will send", "bound after the correction")       \
  X(TasksReady, 13, "queue", "first task", "tasks (12 bits) | ticket (20 bits)")                   \
  X(TaskCommitted, 14, "processor", "task", "doorbell sequence")                                   \
  X(TaskConsumed, 15, "", "task", "doorbell sequence")                                             \
  X(TaskStarted, 16, "", "task", "doorbell sequence")                                              \
  X(TaskFinished, 17, "", "task", "GEMM0: tiles of the row block finished before this one")        \
  X(ProcessorReady, 18, "processor", "status value seen", "")                                      \
  X(Bound, 19, "", "bound", "tasks scheduled")                                                     \
  X(Sweep, 20, "placements", "empty sweeps before this one", "")                                   \
  X(Interrupt, 21, "processor, or 0x8000 + subscriber", "", "doorbell sequence")                   \
  X(Exit, 22, "", "abort code", "")

enum class EventKind : uint8_t {
#define X(name, value, aux, a, b) name = value,
  KT_EVENT_KINDS(X)
#undef X
};

/// Word 0: clock ticks since the ring's anchor (40 bits) | kind (8) | aux (16). Word 1: a (32) | b (32).
/// 40 bits of a 1.98 GHz clock last 555 s, far over any launch's deadline.
struct alignas(16) TraceRecord {
  uint64_t head;
  uint64_t body;
};

inline constexpr uint32_t kTickBits = 40;
inline constexpr uint32_t kKindBits = 8;

KT_HD TraceRecord packRecord(uint64_t ticks, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
  return {(ticks & ((1ull << kTickBits) - 1)) | static_cast<uint64_t>(kind) << kTickBits |
              static_cast<uint64_t>(aux & 0xffffu) << (kTickBits + kKindBits),
          static_cast<uint64_t>(a) | static_cast<uint64_t>(b) << 32};
}

inline constexpr uint32_t kPutRowBits = 20;
KT_HD uint32_t packPut(uint32_t rows, uint32_t colPlusOne) { return rows | colPlusOne << kPutRowBits; }

inline constexpr uint32_t kSignalRowBits = 28;
KT_HD uint32_t packSignalArg(uint32_t rows, uint32_t state) { return rows | state << kSignalRowBits; }

inline constexpr uint32_t kReadyCountBits = 12;
KT_HD uint32_t packReady(uint32_t count, uint32_t ticket) { return count | ticket << kReadyCountBits; }

/// Actors of a rank are (block, warp): a processor block records as warp 0; in the OS block warp 0 is the scheduler and
/// warps 1 and up are subscribers. The OS block is the last one.
inline constexpr uint32_t kWarpsPerActorBlock = 32;
KT_HD uint32_t actorId(uint32_t block, uint32_t warp) { return block * kWarpsPerActorBlock + warp; }

/// Why a launch ended early; zero is a clean exit.
enum class AbortCode : uint32_t {
  None = 0,
  Deadline = 1,
  HostRequest = 2,
  QueueOverflow = 3,
  ProtocolError = 4,
};

/// One ring per actor. Records past `capacity` are counted in `written` and not stored: overflow is never silent.
/// Anchors tie the SM's clock to the global timer at the first and the last record.
struct TraceRingHeader {
  uint32_t actor;
  uint32_t capacity;
  uint32_t written;
  uint32_t launch;
  uint64_t anchorNs[2];
  uint64_t anchorTicks[2];
};

}  // namespace kerneltwin
