// The 64-bit words that ranks, subscribers, scheduler and processors exchange. Widths are named once; the host checks
// that a shape fits them before a launch (`packetLimits`), so no field is ever truncated on the device.
#pragma once

#include "kerneltwin/layout/task.h"

namespace kerneltwin {

/// Epochs cycle through this many non-zero states; zero means "never written". Three states are not enough: a flag may
/// be two epochs old when its peer sent a no-op there, and two back is one ahead modulo three.
inline constexpr uint32_t kEpochStates = 4;

KT_HD uint32_t epochState(uint32_t epoch) { return 1 + epoch % kEpochStates; }

enum class Freshness : uint32_t { Stale = 0, Current = 1, Ahead = 2 };

/// Classifies a flag's state against the local epoch. Rank skew is at most one, so the only state ahead is the next.
KT_HD Freshness freshness(uint32_t state, uint32_t epoch) {
  if (state == epochState(epoch)) return Freshness::Current;
  if (state == epochState(epoch + 1)) return Freshness::Ahead;
  return Freshness::Stale;
}

inline constexpr uint32_t kStateBits = 3;
inline constexpr uint32_t kRowsBits = 28;
inline constexpr uint32_t kTilesBits = 28;

/// A signal: epoch state, rows in the cell (zero: no-op), and the row blocks of all the sender's cells for this rank.
struct Signal {
  uint32_t state;
  uint32_t rows;
  uint32_t rowTiles;
};

KT_HD uint64_t packSignal(Signal m) {
  return static_cast<uint64_t>(m.state) | static_cast<uint64_t>(m.rows) << kStateBits |
         static_cast<uint64_t>(m.rowTiles) << (kStateBits + kRowsBits);
}

KT_HD Signal unpackSignal(uint64_t word) {
  return {static_cast<uint32_t>(word & ((1u << kStateBits) - 1)),
          static_cast<uint32_t>(word >> kStateBits & ((1u << kRowsBits) - 1)),
          static_cast<uint32_t>(word >> (kStateBits + kRowsBits) & ((1u << kTilesBits) - 1))};
}

inline constexpr uint32_t kTagBits = 24;
inline constexpr uint32_t kFirstBits = 28;
inline constexpr uint32_t kCountBits = 12;

/// A task-queue entry: `count` consecutive tasks from `first`. The tag is the low bits of ticket + 1, so a consumer
/// knows from the entry alone whether it is new, and no entry is ever cleared.
struct QueueEntry {
  uint32_t tag;
  uint32_t first;
  uint32_t count;
};

KT_HD uint32_t queueTag(uint32_t ticket) { return (ticket + 1) & ((1u << kTagBits) - 1); }

KT_HD uint64_t packEntry(QueueEntry e) {
  return static_cast<uint64_t>(e.tag) | static_cast<uint64_t>(e.first) << kTagBits |
         static_cast<uint64_t>(e.count) << (kTagBits + kFirstBits);
}

KT_HD QueueEntry unpackEntry(uint64_t word) {
  return {static_cast<uint32_t>(word & ((1u << kTagBits) - 1)),
          static_cast<uint32_t>(word >> kTagBits & ((1u << kFirstBits) - 1)),
          static_cast<uint32_t>(word >> (kTagBits + kFirstBits))};
}

/// A doorbell: task index and a per-processor sequence number that never repeats in a row. `exit` interrupts.
struct Doorbell {
  uint32_t task;
  uint32_t sequence;
  bool exit;
};

inline constexpr uint32_t kSequenceBits = 31;

KT_HD uint64_t packDoorbell(Doorbell d) {
  return static_cast<uint64_t>(d.task) | static_cast<uint64_t>(d.sequence & ((1u << kSequenceBits) - 1)) << 32 |
         static_cast<uint64_t>(d.exit) << 63;
}

KT_HD Doorbell unpackDoorbell(uint64_t word) {
  return {static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32) & ((1u << kSequenceBits) - 1), word >> 63 != 0};
}

/// True when every value a shape can produce fits its field (invariant L8).
KT_HD bool packetLimits(const Shape& s) {
  return s.capacity < (1u << kRowsBits) &&
         static_cast<uint64_t>(s.slots) * cellRowBlocks(s) < (1u << kTilesBits) &&
         taskSpace(s) < (1u << kFirstBits) && gemm0Cols(s) < (1u << kCountBits) &&
         gemm1Cols(s) < (1u << kCountBits) && heapRows(s) < (1ull << 32) && flagCount(s) < (1ull << 32);
}

}  // namespace kerneltwin
