// COMBINE of one tile: counts arrivals of its (token, column tile) pairs and, for those it completes, sums the token's rows in
// choice order in fp32 and writes the output once. The sum does not depend on who arrived last.
//
// Bound by latency, not by arithmetic: two warps use their SM's share of the memory only with some 8 KB in flight. So each step
// puts the loads of many rows in flight before it looks at the first: entries of the rows; their arrivals, ordered by two fences
// for all of them; rows, choices and scales of the completed tokens, a choice a lane; then a ring of kCombineDepth 16-byte loads
// a thread that runs on across tokens. A task of few rows costs four trips to L2 and the two fences.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/gemm/tile.h"
#include "kerneltwin/layout/task.h"
#include "kerneltwin/protocol/arrival.h"
#include "kerneltwin/ptx/bulk.cuh"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

/// Most rows of a task: the most tokens of any tile.
inline constexpr uint32_t kCombineRows = 320;
/// 16-byte loads of heap rows that a thread has in flight, 4 registers each. Unless the team says how many: 8 KB an SM, with two
/// warps as with eight.
template <class Team>
KT_HD constexpr uint32_t teamLoads() {
  if constexpr (requires { Team::kLoads; }) return Team::kLoads;
  else return Team::kThreads <= 64 ? 8 : 2;
}

template <class Team>
inline constexpr uint32_t kCombineDepth = teamLoads<Team>();

/// Blocks that share a task: each takes its part of the rows and needs nothing of the others'. A team of one block need not say.
template <class Team>
KT_DEVICE constexpr uint32_t teamParts() {
  if constexpr (requires { Team::kParts; }) return Team::kParts;
  else return 1;
}

template <class Team>
KT_DEVICE uint32_t teamPart() {
  if constexpr (teamParts<Team>() > 1) return Team::part();
  else return 0;
}

/// One choice of a completed token: where its part of the row lies, and its weight.
struct alignas(8) CombineItem {
  uint32_t line;  ///< offset in the heap in lines of kLineElements, or kNoLine for a dropped choice
  float scale;
};
inline constexpr uint32_t kLineElements = 64;  ///< hidden and tileCols are multiples of it: 32 bits reach 512 GB
inline constexpr uint32_t kNoLine = 0xffffffffu;

/// Shared memory of a task: 3.8 KB for two warps, 5.5 to 5.9 KB for eight.
template <class Team>
struct CombineShared {
  static constexpr uint32_t kWarps = Team::kThreads / kLanes;
  static constexpr uint32_t kItems = kWarps <= 2 ? 144 : 64;  ///< of a warp at a time
  static constexpr uint32_t kItemsPerLane = kItems / kLanes + (kItems % kLanes != 0);
  uint32_t completed;  ///< tokens in the list
  uint32_t reserved;
  CombineItem items[kWarps][kItems + kCombineDepth<Team>];  ///< the last are read past a token's end and never matter
  uint32_t tokens[kCombineRows];                            ///< completed by this task, in any order
};

/// How a warp sums a tile of columns: 8 columns a lane, 1, 2 or 4 tokens (of 256, 128 or 64 columns) side by side.
struct CombineLanes {
  uint32_t side;    ///< tokens side by side: a power of two
  uint32_t group;   ///< the lane's token of those; `side` and beyond: none
  uint32_t column;  ///< the lane's first column in the tile
};

KT_DEVICE CombineLanes combineLanes(const Shape& s, uint32_t col) {
  const uint32_t lanes = tileWidth(s, s.hidden, col) / 8;
  return {kLanes / lanes, ptx::lane() / lanes, ptx::lane() % lanes * 8};
}

/// Lane r holds the end of rank r's experts, so that finding homes costs shuffles instead of a chain of loads. Worlds of more
/// ranks search the table in memory.
struct CombineHomes {
  Placement placement;
  uint32_t end;

  KT_DEVICE explicit CombineHomes(const LaunchArgs& args)
      : placement{args.placement, args.shape.ranks},
        end(ptx::lane() < args.shape.ranks ? args.placement[ptx::lane() + 1] : 0xffffffffu) {}

  /// All lanes of the warp, each with its own experts.
  template <uint32_t N>
  KT_DEVICE void find(const uint32_t (&expert)[N], ExpertHome (&home)[N]) const {
    if (placement.ranks > kLanes) {
#pragma unroll
      for (uint32_t i = 0; i < N; ++i) home[i] = placement.home(expert[i]);
      return;
    }
#pragma unroll
    for (uint32_t i = 0; i < N; ++i) home[i] = {0, expert[i]};
#pragma unroll 1
    for (uint32_t r = 0; r + 1 < placement.ranks; ++r) {
      const uint32_t ends = ptx::shuffle(end, r);
#pragma unroll
      for (uint32_t i = 0; i < N; ++i) {
        if (expert[i] >= ends) home[i] = {r + 1, expert[i] - ends};
      }
    }
  }
};

/// Arrives for this team's rows and lists the tokens that are complete.
template <class Team>
KT_DEVICE void arriveRows(const LaunchArgs& args, DeviceMemory& mem, const Task& task, uint32_t rows,
                          CombineShared<Team>& shared) {
  constexpr uint32_t kParts = teamParts<Team>();
  constexpr uint32_t kDepth = (kCombineRows / kParts + Team::kThreads - 1) / Team::kThreads;
  static_assert(kCombineRows % kParts == 0);
  const Shape& s = args.shape;
  const RowSpan span = rowSpan(s, rows, task.block);
  const uint32_t per = ceilDiv(span.count, kParts);
  const uint32_t begin = lesser(per * teamPart<Team>(), span.count);
  const uint32_t count = lesser(per, span.count - begin);
  const uint32_t* entries =
      args.work.entryOfRow + static_cast<uint64_t>(task.expert) * s.capacity + span.begin + begin;

  uint32_t token[kDepth];
  uint32_t kept[kDepth];
#pragma unroll
  for (uint32_t i = 0; i < kDepth; ++i) {
    const uint32_t r = Team::thread() + i * Team::kThreads;
    token[i] = r < count ? entries[r] : kNoLine;
  }
#pragma unroll
  for (uint32_t i = 0; i < kDepth; ++i) {
    if (token[i] != kNoLine) token[i] /= s.topK;
    kept[i] = s.topK;
  }
  // A token chooses an expert once, so nothing is dropped where an expert may keep a row of every token.
  if (args.keep < args.tokens) {
#pragma unroll 1
    for (uint32_t j = 0; j < s.topK; ++j) {
#pragma unroll
      for (uint32_t i = 0; i < kDepth; ++i) {
        if (token[i] == kNoLine) continue;
        kept[i] -= args.tensors.rows[static_cast<uint64_t>(token[i]) * s.topK + j] == kDropped;
      }
    }
  }
  // As protocol/arrival.h, but the two halves of acq_rel are fences around all arrivals, which are in flight together.
  mem.template fence<Order::AcqRel, Scope::Device>();
  const uint32_t columns = gemm1Cols(s);
  uint32_t* arrivals = args.work.tokenArrivals + task.col;
  uint32_t before[kDepth];
#pragma unroll
  for (uint32_t i = 0; i < kDepth; ++i) {
    if (token[i] == kNoLine) continue;
    before[i] = mem.template add<Order::Relaxed, Scope::Device>(arrivals + static_cast<uint64_t>(token[i]) * columns, 1u);
  }
  mem.template fence<Order::AcqRel, Scope::Device>();
  uint32_t mine = 0;
#pragma unroll
  for (uint32_t i = 0; i < kDepth; ++i) {
    if (token[i] == kNoLine) continue;
    if (before[i] + 1 != kept[i]) token[i] = kNoLine;
    else ++mine;
  }
  if (mine == 0) return;
  uint32_t at = ptx::add<Order::Relaxed, Scope::Block>(&shared.completed, mine);
#pragma unroll
  for (uint32_t i = 0; i < kDepth; ++i) {
    if (token[i] == kNoLine) continue;
    mem.template store<Order::Relaxed, Scope::Device>(arrivals + static_cast<uint64_t>(token[i]) * columns, 0u);
    shared.tokens[at++] = token[i];
  }
}

/// Items of `count` completed tokens, all choices of a token one after the other. One warp.
template <uint32_t Depth>
KT_DEVICE void describeItems(const LaunchArgs& args, uint32_t col, const uint32_t* tokens, uint32_t count,
                             CombineItem* items) {
  const Shape& s = args.shape;
  const CombineHomes homes(args);
  const uint32_t total = count * s.topK;
#pragma unroll 1
  for (uint32_t base = ptx::lane(); base - ptx::lane() < total; base += Depth * kLanes) {
    uint32_t row[Depth];
    uint32_t expert[Depth];
    float scale[Depth];
#pragma unroll
    for (uint32_t i = 0; i < Depth; ++i) {
      const uint32_t at = base + i * kLanes;
      row[i] = kDropped;
      expert[i] = 0;
      scale[i] = 0.0f;
      if (at >= total) continue;
      const uint64_t entry = static_cast<uint64_t>(tokens[at / s.topK]) * s.topK + at % s.topK;
      row[i] = args.tensors.rows[entry];
      expert[i] = args.tensors.choices[entry];
      scale[i] = args.tensors.scales[entry];
    }
    ExpertHome home[Depth];
    homes.find(expert, home);
#pragma unroll
    for (uint32_t i = 0; i < Depth; ++i) {
      const uint32_t at = base + i * kLanes;
      if (at >= total) continue;
      const uint64_t cell = cellIndex(s, home[i].rank, Round::Combine, Stage::Incoming, home[i].slot);
      const uint64_t place = combineOffset(s, cell, row[i], col * s.tileCols);
      items[at] = {row[i] == kDropped ? kNoLine : static_cast<uint32_t>(place / kLineElements), scale[i]};
      // The other choice's row may have left L2 long ago: all come back at once, not a few at a time.
      if (row[i] != kDropped) ptx::prefetchBulk(args.symmetric.heap + place, tileWidth(s, s.hidden, col) * sizeof(bf16));
    }
  }
}

/// Sums `count` tokens whose items are described, a row of them a group of lanes. One warp.
template <class E, uint32_t Depth>
KT_DEVICE void sumTokens(const LaunchArgs& args, uint32_t col, const uint32_t* tokens, uint32_t count,
                         const CombineItem* items) {
  const CombineLanes lanes = combineLanes(args.shape, col);
  const uint32_t each = ceilDiv(count, lanes.side);
  const uint32_t first = lanes.group < lanes.side ? lesser(lanes.group * each, count) : count;
  const uint32_t last = lesser(first + each, count);
  const CombineItem* item = items + first * args.shape.topK;  ///< to add; those to load are Depth further
  const CombineItem* const end = items + last * args.shape.topK;
  const uint32_t* token = tokens + first;
  uint32_t choices = args.shape.topK;                         ///< left of the token
  const bf16* const heap = args.symmetric.heap + lanes.column;
  const uint32_t column = col * args.shape.tileCols + lanes.column;

  // Without a line a chunk is zero, and adds zero. What is added past the end is never stored.
  ptx::Chunk ring[Depth];
  auto load = [&](ptx::Chunk& into, const CombineItem* from) {
    const uint32_t line = from < end ? from->line : kNoLine;
    into = {};
    if (line != kNoLine) into = ptx::loadChunkL2(heap, line);
  };
  float sum[8] = {};
  auto add = [&](const ptx::Chunk& y, const CombineItem* from) {
    const float scale = from->scale;
#pragma unroll
    for (uint32_t i = 0; i < 4; ++i) {
      sum[2 * i] = fmaf(scale, E::low(y.word[i]), sum[2 * i]);
      sum[2 * i + 1] = fmaf(scale, E::high(y.word[i]), sum[2 * i + 1]);
    }
    if (--choices != 0) return;
    if (from < end) {
      ptx::storeChunk(
          args.tensors.out + static_cast<uint64_t>(*token) * args.shape.hidden + column,
          {{E::pack(sum[0], sum[1]), E::pack(sum[2], sum[3]), E::pack(sum[4], sum[5]), E::pack(sum[6], sum[7])}});
    }
    ++token;
    choices = args.shape.topK;
#pragma unroll
    for (uint32_t i = 0; i < 8; ++i) sum[i] = 0.0f;
  };

#pragma unroll
  for (uint32_t i = 0; i < Depth; ++i) load(ring[i], item + i);
#pragma unroll 1
  for (; item < end; item += Depth) {
    // Two at a time: a warp waits for loads by one of six counters, not by each.
#pragma unroll
    for (uint32_t i = 0; i < Depth; i += 2) {
      add(ring[i], item + i);
      add(ring[i + 1], item + i + 1);
      load(ring[i], item + Depth + i);
      load(ring[i + 1], item + Depth + i + 1);
    }
  }
}

/// The task, on all threads of a team: kThreads threads in whole warps that know their number (warp by warp, lanes in order) and
/// meet by `sync`; its Element is what the rows are made of. `rows`: rows of the expert's cell. `scratch`: sizeof(CombineShared<Team>) bytes of shared memory, 8-byte
/// aligned. The blocks of a pair each have a team of Team::kParts, and number Team::part(), that take a part of the rows.
template <class Team>
KT_DEVICE void combineTask(const LaunchArgs& args, DeviceMemory& mem, const Task& task, uint32_t rows, void* scratch) {
  using Shared = CombineShared<Team>;
  Shared& shared = *static_cast<Shared*>(scratch);
  if (Team::thread() == 0) shared.completed = 0;
  Team::sync();
  arriveRows<Team>(args, mem, task, rows, shared);
  Team::sync();
  for (uint32_t at = shared.completed * (Team::thread() / kLanes) / Shared::kWarps;;) {
    // Computed again in every turn: the sums need the registers.
    const uint32_t warp = Team::thread() / kLanes;
    const uint32_t end = shared.completed * (warp + 1) / Shared::kWarps;
    if (at >= end) break;
    const uint32_t count = lesser(Shared::kItems / args.shape.topK, end - at);
    describeItems<Shared::kItemsPerLane>(args, task.col, shared.tokens + at, count, shared.items[warp]);
    ptx::syncWarp();
    sumTokens<typename Team::Element, kCombineDepth<Team>>(args, task.col, shared.tokens + at, count, shared.items[warp]);
    ptx::syncWarp();
    at += count;
  }
  Team::sync();
}

}  // namespace kerneltwin
