// Copies of token rows to the cells of their experts, on the copy engine: a row reaches shared memory once and leaves it for each
// of its experts.
//
// A row moves in pieces of at most 4 KB through slots, each with a thread of its own that waits for what it started and for
// nothing else; slots' threads are dealt over all warps but the last four, which meanwhile write what the copies do not need. A
// wgmma block has 45 slots of 4 KB: its memory pipe stays full, and the first window's rows are in the slots before the barrier of
// the rank lets their destinations be known.
#pragma once

#include "kerneltwin/actors/place.cuh"
#include "kerneltwin/ptx/bulk.cuh"
#include "kerneltwin/ptx/mbarrier.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

inline constexpr uint32_t kPieceBytes = 4096;
inline constexpr uint32_t kMostSlots = 64;

/// Warps that copy rows; those from here on do the dispatch's other work.
template <class Block>
inline constexpr uint32_t kCopyWarps = Block::kWarps - 4;

/// A thread's slot and how far it is. Made by all threads of the block.
template <class Block>
struct RowCopier {
  static_assert(kMostSlots <= kCopyWarps<Block> * 32);

  uint32_t slots;
  uint32_t slot;        ///< this thread's; it has none if that is not under `slots`
  uint32_t barrier;     ///< shared address of its mbarrier
  uint32_t place;       ///< shared address of its bytes
  uint32_t rowBytes;
  uint32_t pieceBytes;
  uint32_t pieces;      ///< of a row
  uint32_t turn;        ///< loads this slot has waited for

  /// After a block barrier behind the last other use of the memory from `rest` to the table of choices.
  KT_DEVICE RowCopier(const Shape& s, char* rest) {
    rowBytes = s.hidden * 2;
    pieceBytes = lesser(rowBytes, kPieceBytes);
    pieces = ceilDiv(rowBytes, kPieceBytes);
    const uint32_t begin = roundUp(static_cast<uint32_t>(rest - pipelineMemory()) + kMostSlots * 8, 128);
    slots = lesser(kMostSlots, (OpeningMemory<Block>::kTileBytes - begin) / pieceBytes);
    slot = ptx::warp() < kCopyWarps<Block> ? ptx::lane() * kCopyWarps<Block> + ptx::warp() : kMostSlots;
    barrier = ptx::sharedAddress(rest) + slot * 8;
    place = ptx::sharedAddress(pipelineMemory()) + begin + slot * pieceBytes;
    turn = 0;
    if (slot >= slots) return;
    ptx::initBarrier(barrier, 1);
    ptx::fenceBarrierInit();
    ptx::fenceSharedForCopies();
  }

  /// Pieces of a range of tokens; an empty range may end before it begins.
  KT_DEVICE uint32_t units(TokenShare tokens) const {
    return tokens.begin < tokens.end ? (tokens.end - tokens.begin) * pieces : 0;
  }

  /// Loads the first piece of this slot, if it has one.
  KT_DEVICE void begin(const LaunchArgs& args, TokenShare tokens) const {
    if (slot < slots && slot < units(tokens)) load(args, tokens, slot);
  }

  /// Waits for what `begin` started: the memory may be used again, or the block may end.
  KT_DEVICE void abandon(TokenShare tokens) {
    if (slot < slots && slot < units(tokens)) await();
  }

  /// Copies the kept rows of `tokens`, a range of the window. `begun`: their first pieces are under way.
  template <class Transport>
  KT_DEVICE void copy(const LaunchArgs& args, const Transport& transport, const PlaceTables& tables, const ShareWindow& window,
                      TokenShare tokens, bool begun) {
    if (slot >= slots) return;
    for (uint32_t unit = slot; unit < units(tokens); unit += slots) {
      if (!begun) {
        ptx::waitStoresRead();
        load(args, tokens, unit);
      }
      begun = false;
      await();
      const uint32_t piece = unit % pieces;
      store(args, transport, tables, window.tops[tokens.begin + unit / pieces - window.first], piece);
    }
  }

  /// All copies of this thread are made, and count as its own writes; the slots' memory is free after a block barrier.
  KT_DEVICE void finish() const {
    if (slot >= slots) return;
    ptx::waitStores();
    ptx::endBarrier(barrier);
  }

 private:
  KT_DEVICE uint32_t bytesOf(uint32_t piece) const { return lesser(pieceBytes, rowBytes - piece * kPieceBytes); }

  KT_DEVICE void load(const LaunchArgs& args, TokenShare tokens, uint32_t unit) const {
    const uint32_t piece = unit % pieces;
    const uint32_t token = tokens.begin + unit / pieces;
    const char* row = reinterpret_cast<const char*>(args.tensors.x) + static_cast<uint64_t>(token) * rowBytes;
    ptx::arriveExpecting(barrier, bytesOf(piece));
    ptx::loadBulk(place, row + piece * kPieceBytes, bytesOf(piece), barrier, ptx::policyReadOnce());
  }

  /// Without a deadline: a copy that was started lands.
  KT_DEVICE void await() {
    while (!ptx::tryWait(barrier, turn & 1)) {}
    ++turn;
  }

  template <class Transport>
  KT_DEVICE void store(const LaunchArgs& args, const Transport& transport, const PlaceTables& tables, const TokenTop& token,
                       uint32_t piece) const {
    const Placement placement = tables.placement(args.shape);
    for (uint32_t j = 0; j < args.shape.topK; ++j) {
      const uint32_t row = tables.rowOf(token, j, args.keep);
      if (row == kDropped) continue;
      const ExpertHome home = placement.home(token.expert[j]);
      char* to = reinterpret_cast<char*>(transport.dispatchRow(home.rank, home.slot, row)) + piece * kPieceBytes;
      ptx::storeBulk(to, place, bytesOf(piece));
    }
    ptx::commitStores();
  }
};

/// Writes the output of tokens without a kept choice, a token a warp: no COMBINE will. Warp `warp` of `warps`.
KT_DEVICE void zeroDropped(const LaunchArgs& args, const PlaceTables& tables, const ShareWindow& window, TokenShare tokens,
                           uint32_t warp, uint32_t warps) {
  const uint32_t lane = ptx::lane();
  for (uint32_t t = tokens.begin + warp; t < tokens.end; t += warps) {
    const bool kept = lane < args.shape.topK && tables.rowOf(window.tops[t - window.first], lane, args.keep) != kDropped;
    if (ptx::ballot(kept) != 0) continue;
    bf16* out = args.tensors.out + static_cast<uint64_t>(t) * args.shape.hidden;
    for (uint32_t c = lane; c < args.shape.hidden / 8; c += kLanes) ptx::storeChunk(out + c * 8, {{0, 0, 0, 0}});
  }
}

}  // namespace kerneltwin
