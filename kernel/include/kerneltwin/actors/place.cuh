// Placing: a row number for every choice, per expert in token order. Count, prefix, place: no atomics decide, so the
// same routing gives the same rows, the same drops and the same sums on every run.
#pragma once

#include "kerneltwin/actors/share.cuh"
#include "kerneltwin/layout/bits.h"
#include "kerneltwin/layout/placement.h"
#include "kerneltwin/ptx/memory.cuh"
#include "kerneltwin/ptx/vector.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// A block's tables, in the pipeline's memory.
struct PlaceTables {
  uint32_t* first;     ///< [experts] row of this share's first choice; before the barrier, how far numbering is
  uint32_t* count;     ///< [experts] choices of this share
  uint32_t* kept;      ///< [experts] rows the whole rank keeps
  uint32_t* tilesTo;   ///< [ranks] row blocks of all cells this rank sends there
  uint32_t* homes;     ///< [ranks + 1] the placement: its search is a chain of loads
  uint32_t* verdict;   ///< 16 bytes: what the leader of a pair tells the other block about the barrier
  char* rest;          ///< memory after the tables

  KT_DEVICE Placement placement(const Shape& s) const { return {homes, s.ranks}; }

  /// The row of a token's choice, or kDropped; the token holds the choice's number in this share (numberChoices).
  KT_DEVICE uint32_t rowOf(const TokenTop& token, uint32_t choice, uint32_t keep) const {
    const uint32_t row = first[token.expert[choice]] + token.row[choice];
    return row < keep ? row : kDropped;
  }
};

KT_DEVICE PlaceTables placeTables(const Shape& s) {
  uint32_t* words = reinterpret_cast<uint32_t*>(pipelineMemory());
  uint32_t* tilesTo = words + 3 * s.experts;
  char* verdict = pipelineMemory() + roundUp((3 * s.experts + 2 * s.ranks + 1) * 4, 16);
  return {words, words + s.experts, words + 2 * s.experts, tilesTo, tilesTo + s.ranks, reinterpret_cast<uint32_t*>(verdict),
          verdict + 16};
}

/// Clears a table of experts. All threads.
template <class Block>
KT_DEVICE void clearTable(const LaunchArgs& args, uint32_t* table) {
  for (uint32_t e = ptx::thread(); e < args.shape.experts; e += Block::kThreads) table[e] = 0;
}

/// The same on one warp, whose lanes find it cleared.
KT_DEVICE void clearNumbers(const LaunchArgs& args, uint32_t* numbers) {
  ptx::syncWarp();
  for (uint32_t e = ptx::lane(); e < args.shape.experts; e += kLanes) numbers[e] = 0;
  ptx::syncWarp();
}

/// True if the gate itself counts a share's choices and leaves them all in the table of choices.
template <class Block>
KT_DEVICE bool gateCounts(TokenShare share) {
  return Block::kCtas == 1 && oneWindow(share);
}

/// Counts the share's choices per expert where the gate did not. All threads; ends with a block barrier.
template <class Block>
KT_DEVICE void countChoices(const LaunchArgs& args, const PlaceTables& t, TokenShare share) {
  const Shape& s = args.shape;
  clearTable<Block>(args, t.count);
  ptx::syncBlock();
  for (uint32_t first = share.begin; first < share.end; first += kWindowTokens) {
    const ShareWindow window = shareWindow<Block>(share, first);
    loadWindow<Block>(args, window);
    ptx::syncBlock();
    for (uint32_t i = ptx::thread(); i < window.count * s.topK; i += Block::kThreads) {
      ptx::addShared(&t.count[window.tops[i / s.topK].expert[i % s.topK]], 1u);
    }
    ptx::syncBlock();
  }
}

/// The share's counts as its row of the table that placing reads. All threads.
template <class Block>
KT_DEVICE void publishCounts(const LaunchArgs& args, const PlaceTables& t, uint32_t processor) {
  if (!leads<Block>()) return;
  uint32_t* out = args.work.counts + static_cast<uint64_t>(processor) * args.shape.experts;
  for (uint32_t e = ptx::thread(); e < args.shape.experts; e += Block::kThreads) out[e] = t.count[e];
}

/// Rows of `e` that this share holds, dropped ones left out.
KT_DEVICE uint32_t keptHere(const PlaceTables& t, uint32_t e) {
  return lesser(t.first[e] + t.count[e], t.kept[e]) - lesser(t.first[e], t.kept[e]);
}

/// Neighbouring experts' counts that one load brings.
template <uint32_t Words>
struct CountGroup {
  uint32_t word[Words];

  KT_DEVICE static CountGroup load(const uint32_t* from) {
    if constexpr (Words == 4) {
      const ptx::Chunk c = ptx::loadChunk(from);
      return {{c.word[0], c.word[1], c.word[2], c.word[3]}};
    } else {
      return {{*from}};
    }
  }
};

/// Loads a thread has in flight while it sums counts: each takes about a microsecond, so they must not wait for each other.
inline constexpr uint32_t kCountsInFlight = 8;

/// Threads by what they sum: neighbours take neighbouring groups of `words` experts; with fewer groups than threads, teams of
/// threads split the processors. Made while nothing is waited for: it takes two divisions.
struct CountTeam {
  uint32_t width;   ///< threads of a team
  uint32_t teams;
  uint32_t team;    ///< this thread's; `teams` or more: none
  uint32_t group;   ///< its first group of experts

  template <class Block>
  KT_DEVICE static CountTeam of(uint32_t experts) {
    const uint32_t groups = experts % 4 == 0 ? experts / 4 : experts;
    const uint32_t width = lesser(groups, Block::kThreads);
    return {width, Block::kThreads / width, ptx::thread() / width, ptx::thread() % width};
  }

  /// Lanes of a warp that have the same group can add among themselves; such teams leave no thread over.
  KT_DEVICE bool folds() const { return width < kLanes && (width & (width - 1)) == 0; }
};

/// Adds the counts of all processors, and of those before `processor`, to the tables.
template <class Block, uint32_t Words>
KT_DEVICE void addCounts(const LaunchArgs& args, const PlaceTables& t, const CountTeam& my, uint32_t processors,
                         uint32_t processor) {
  if (my.team >= my.teams) return;
  const uint32_t experts = args.shape.experts;
#pragma unroll 1
  for (uint32_t e = my.group * Words; e < experts; e += my.width * Words) {
    uint32_t before[Words] = {};
    uint32_t total[Words] = {};
    const uint32_t* counts = args.work.counts + e;
#pragma unroll 1
    for (uint32_t first = my.team; first < processors; first += my.teams * kCountsInFlight) {
      CountGroup<Words> group[kCountsInFlight];
#pragma unroll
      for (uint32_t i = 0; i < kCountsInFlight; ++i) {
        const uint32_t p = first + i * my.teams;
        group[i] = {};
        if (p < processors) group[i] = CountGroup<Words>::load(counts + static_cast<uint64_t>(p) * experts);
      }
#pragma unroll
      for (uint32_t i = 0; i < kCountsInFlight; ++i) {
#pragma unroll
        for (uint32_t w = 0; w < Words; ++w) {
          total[w] += group[i].word[w];
          before[w] += first + i * my.teams < processor ? group[i].word[w] : 0;
        }
      }
    }
    if (my.folds()) {
#pragma unroll 1
      for (uint32_t mask = my.width; mask < kLanes; mask *= 2) {
#pragma unroll
        for (uint32_t w = 0; w < Words; ++w) {
          total[w] += ptx::shuffleXor(total[w], mask);
          before[w] += ptx::shuffleXor(before[w], mask);
        }
      }
      if (ptx::lane() >= my.width) continue;
    }
#pragma unroll
    for (uint32_t w = 0; w < Words; ++w) {
      ptx::addShared(&t.first[e + w], before[w]);
      ptx::addShared(&t.kept[e + w], total[w]);
    }
  }
}

/// Clears the ranks' sums (those of this share, `first`, are cleared by whoever numbers), and brings the placement. All threads;
/// the caller orders it among the tables' other uses.
template <class Block>
KT_DEVICE void clearSums(const LaunchArgs& args, const PlaceTables& t) {
  for (uint32_t r = ptx::thread(); r <= args.shape.ranks; r += Block::kThreads) t.homes[r] = args.placement[r];
  for (uint32_t r = ptx::thread(); r < args.shape.ranks; r += Block::kThreads) t.tilesTo[r] = 0;
  clearTable<Block>(args, t.kept);
}

/// Sums the counts per expert, into cleared tables. Reads experts x processors words from L2 in every block: 34 KB at 64 experts
/// and 131 processors. All threads; ends with a block barrier.
template <class Block>
KT_DEVICE void sumCounts(const LaunchArgs& args, const PlaceTables& t, const CountTeam& my, uint32_t processors,
                         uint32_t processor) {
  if (args.shape.experts % 4 == 0) addCounts<Block, 4>(args, t, my, processors, processor);
  else addCounts<Block, 1>(args, t, my, processors, processor);
  ptx::syncBlock();
}

/// Rows the rank keeps per expert, and what it announces to each rank, from the sums: thread `thread` of `threads`. Every block
/// computes them; every processor keeps its own copy in global memory (`own`), so that nobody has to wait for another.
template <class Block>
KT_DEVICE void keepRows(const LaunchArgs& args, const PlaceTables& t, uint32_t* own, uint32_t thread, uint32_t threads) {
  const Placement placement = t.placement(args.shape);
  for (uint32_t e = thread; e < args.shape.experts; e += threads) {
    const uint32_t kept = lesser(t.kept[e], args.keep);
    if (leads<Block>()) own[e] = kept;
    t.kept[e] = kept;
    if (kept > 0) {
      ptx::addShared(&t.tilesTo[placement.home(e).rank], rowBlocks(args.shape, kept));
    }
  }
}

/// Numbers the choices of a window per expert, 32 at a time in token order; `next` is where an expert's numbers go on. One warp
/// alone: the order is the point, and a share has few choices (125 at S = 8192, k = 2, 131 processors). It needs no other share's
/// counts, so a share of one window is numbered while the rank's barrier is awaited.
KT_DEVICE void numberChoices(const LaunchArgs& args, uint32_t* next, const ShareWindow& window) {
  const uint32_t topK = args.shape.topK;
  const uint32_t lane = ptx::lane();
  for (uint32_t base = 0; base < window.count * topK; base += kLanes) {
    const uint32_t entry = base + lane;
    const bool valid = entry < window.count * topK;
    TokenTop& token = window.tops[valid ? entry / topK : 0];
    const uint32_t choice = entry % topK;
    const uint32_t expert = valid ? token.expert[choice] : kMaxExperts + lane;
    const uint32_t same = ptx::matchLanes(expert);
    const uint32_t number = valid ? next[expert] + countBits(same & lowMask(lane)) : 0;
    ptx::syncWarp();
    if (valid && lane == lowestBit(same)) next[expert] = number + countBits(same);
    ptx::syncWarp();
    if (valid) token.row[choice] = number;
  }
}

/// Writes where a window's choices went, and back: what COMBINE reads. Thread `thread` of `threads`; of a pair only the leader's.
template <class Block>
KT_DEVICE void writeRows(const LaunchArgs& args, const PlaceTables& t, const ShareWindow& window, uint32_t thread,
                         uint32_t threads) {
  if (!leads<Block>()) return;
  const uint32_t topK = args.shape.topK;
  const uint32_t before = window.first * topK;
  for (uint32_t i = thread; i < window.count * topK; i += threads) {
    const TokenTop& token = window.tops[i / topK];
    const uint32_t row = t.rowOf(token, i % topK, args.keep);
    args.tensors.rows[before + i] = row;
    if (row != kDropped) {
      args.work.entryOfRow[static_cast<uint64_t>(token.expert[i % topK]) * args.shape.capacity + row] = before + i;
    }
  }
}

}  // namespace kerneltwin
