// The order of a ring's records for its readers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kerneltwin/trace/record.h"

namespace kerneltwin {

/// Lanes of a warp take their places in a ring in one order and may have read the clock in another. Each lane's own records are in
/// both orders, so a stable sort by time keeps them. Arrivals at several cells are stamped at one instant and have no order; they
/// are put in that of the experts, the one order in which the records of several blocks cannot contradict the cells' counters.
inline void sortByTime(TraceRecord* records, uint32_t count) {
  struct Key {
    uint64_t ticks;
    uint64_t cell;   // zero: not an arrival
  };
  const auto key = [](const TraceRecord& r) -> Key {
    const auto kind = static_cast<EventKind>(r.head >> kTickBits & ((1u << kKindBits) - 1));
    return {r.head & ((1ull << kTickBits) - 1),
            kind == EventKind::CellArrive ? 1 + static_cast<uint64_t>(static_cast<uint32_t>(r.body)) : 0};
  };
  std::stable_sort(records, records + count, [&](const TraceRecord& a, const TraceRecord& b) {
    const Key left = key(a);
    const Key right = key(b);
    return left.ticks != right.ticks ? left.ticks < right.ticks : left.cell < right.cell;
  });
}

}  // namespace kerneltwin
