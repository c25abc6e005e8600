// The dispatch: places this share's choices, copies the rows of its tokens into the cells of their experts, then arrives at the
// cells.
#pragma once

#include "kerneltwin/actors/copy_rows.cuh"
#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/actors/opening_steps.cuh"
#include "kerneltwin/actors/place.cuh"
#include "kerneltwin/actors/ring_trace.cuh"
#include "kerneltwin/protocol/send.h"

namespace kerneltwin {

/// Copies this block's part of the share, window by window; `copier` has begun with the first. On return, behind a barrier of the
/// processor, all its rows are where they belong, and the tables say what the rank keeps (`own`: in global memory).
template <class Block, class Transport>
KT_DEVICE void copyShare(const LaunchArgs& args, const Transport& transport, const PlaceTables& tables, RowCopier<Block>& copier,
                         TokenShare share, uint32_t* own) {
  constexpr uint32_t kOthers = Block::kWarps - kCopyWarps<Block>;
  const bool copies = ptx::warp() < kCopyWarps<Block>;
  const uint32_t other = ptx::thread() - kCopyWarps<Block> * 32;  // among the threads that do not copy
  if (!copies) keepRows<Block>(args, tables, own, other, kOthers * 32);
  const TokenShare part = ownPart<Block>(share);
  if (!oneWindow(share)) clearTable<Block>(args, tables.count);  // numbered again, window by window
  for (uint32_t first = share.begin; first < share.end; first += kWindowTokens) {
    const ShareWindow window = shareWindow<Block>(share, first);
    const TokenShare tokens = commonTokens(part, {window.first, window.end()});
    if (!oneWindow(share)) {  // otherwise it is in the table, and numbered
      loadWindow<Block>(args, window);
      ptx::syncBlock();
      if (ptx::warp() == 0) numberChoices(args, tables.count, window);
      ptx::syncBlock();
    }
    if (copies) {
      copier.copy(args, transport, tables, window, tokens, first == share.begin);
    } else {
      writeRows<Block>(args, tables, window, other, kOthers * 32);
      ptx::syncWarp();
      zeroDropped(args, tables, window, tokens, other / 32, kOthers);
    }
    if (!oneWindow(share)) ptx::syncBlock();
  }
  copier.finish();
  syncProcessor<Block>();
  stampOpening(OpeningStep::Copied);
}

/// Places and dispatches the share of one processor; after the barrier behind the gate, with cleared sums.
template <class Block, class Transport>
KT_DEVICE void dispatchShare(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                             RowCopier<Block>& copier, const CountTeam& team, TokenShare share, uint32_t processors,
                             uint32_t processor, uint32_t* own) {
  const bool leader = leads<Block>();
  if (leader && ptx::thread() == 0) trace.record(EventKind::DispatchBegin, 0, 0, 0);
  const PlaceTables tables = placeTables(args.shape);
  sumCounts<Block>(args, tables, team, processors, processor);
  stampOpening(OpeningStep::Placed);
  copyShare<Block>(args, transport, tables, copier, share, own);
  transport.openList(tables.rest);
  uint32_t rows = 0;
  if (leader && ptx::warp() == 0) {
    const DispatchState st = {args.shape,  tables.placement(args.shape), args.rank,      args.epoch, processors, processor,
                              tables.kept, tables.tilesTo,               args.work.cellArrivals};
    DeviceWarp warp;
    rows = arriveCells(mem, warp, transport, trace, st,
                       [&](uint32_t e) -> RowSpan { return {tables.first[e], keptHere(tables, e)}; });
  }
  transport.flush();
  if (leader && ptx::thread() == 0) trace.record(EventKind::DispatchEnd, 0, rows, 0);
  ptx::syncBlock();
  stampOpening(OpeningStep::End);
}

}  // namespace kerneltwin
