#include "world_config.h"

#include <algorithm>

#include "explorer.h"
#include "kerneltwin/protocol/scheduler.h"

namespace kerneltwin::explorer {

namespace {

std::string validateShape(const Shape& s) {
  if (s.ranks == 0 || s.experts == 0 || s.slots == 0 || s.tokens == 0 || s.topK == 0) return "ranks, experts, slots, tokens and topK must be at least 1";
  if (s.hidden == 0 || s.hidden % 64 != 0 || s.intermediate == 0 || s.intermediate % 64 != 0 || s.tileCols == 0 || s.tileCols % 64 != 0) {
    return "hidden, intermediate and tileCols must be multiples of 64, at least 64";
  }
  if (s.tileRows == 0 || s.tileRows % kRowStep != 0 || s.capacity == 0 || s.capacity % s.tileRows != 0) {
    return "tileRows must be a multiple of 8 and capacity a multiple of tileRows";
  }
  if (heapElements(s) / 64 > (1u << 22)) return "the heap is too large to explore";
  if (!packetLimits(s)) return "the shape does not fit the packets";
  return "";
}

std::string validateRows(const WorldConfig& c) {
  const Shape& s = c.shape;
  if (c.rows.size() != static_cast<size_t>(c.epochs) * s.ranks * s.experts) return "rows must have epochs * ranks * experts entries";
  for (uint32_t e = 0; e < c.epochs; ++e) {
    for (uint32_t r = 0; r < s.ranks; ++r) {
      uint32_t sum = 0;
      for (uint32_t x = 0; x < s.experts; ++x) {
        if (c.keptRows(e, r, x) > s.capacity) return "a cell has more rows than the capacity";
        sum += c.keptRows(e, r, x);
      }
      if (sum > s.tokens * s.topK) return "a rank keeps more rows than tokens * topK";
    }
  }
  return "";
}

}  // namespace

uint32_t mostTasksOfEntry(const Shape& s) {
  return std::max({std::min(cellRowBlocks(s), entryRowBlocks(s)) * gemm0Cols(s), gemm1Cols(s), std::min(kLanes, cellRowBlocks(s) * gemm1Cols(s))});
}

std::string validate(const WorldConfig& c) {
  const Shape& s = c.shape;
  if (const std::string wrong = validateShape(s); !wrong.empty()) return wrong;
  if (c.processors == 0 || c.subscribers == 0 || c.epochs == 0) return "processors, subscribers and epochs must be at least 1";
  if (c.epochs > 31) return "more than 31 epochs: the ghost epoch of a signal has five bits";
  if (s.ranks * c.fibersPerRank() > kMaxFibers) {
    return "more than " + std::to_string(kMaxFibers) + " actors: ranks * (processors + 1 + subscribers + puts) is " +
           std::to_string(s.ranks * c.fibersPerRank());
  }
  if (c.backlog < mostTasksOfEntry(s) || (c.backlog & (c.backlog - 1)) != 0) {
    return "backlog must be a power of two, at least the " + std::to_string(mostTasksOfEntry(s)) + " tasks of the largest queue entry";
  }
  if (c.subscribers + 1 > kMaxQueues) return "more than 31 subscribers";
  if (c.expertBase.size() != s.ranks + 1 || c.expertBase.front() != 0 || c.expertBase.back() != s.experts) {
    return "expertBase must have ranks + 1 entries, start with 0 and end with the number of experts";
  }
  for (uint32_t r = 0; r < s.ranks; ++r) {
    if (c.expertBase[r + 1] <= c.expertBase[r] || c.expertBase[r + 1] - c.expertBase[r] > s.slots) {
      return "every rank must hold at least one expert and at most `slots`";
    }
  }
  return validateRows(c);
}

}  // namespace kerneltwin::explorer
