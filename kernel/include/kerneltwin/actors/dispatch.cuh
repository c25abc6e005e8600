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

/// Numbers the share and copies this block's part, window by window; `copier` has begun with the first. On return, behind a
/// barrier of the processor, all its rows are where they belong.
template <class Block, class Transport>
KT_DEVICE void copyShare(const LaunchArgs& args, const Transport& transport, const PlaceTables& tables, RowCopier<Block>& copier,
                         TokenShare share) {
  const TokenShare part = ownPart<Block>(share);
  for (uint32_t first = share.begin; first < share.end; first += kWindowTokens) {
    const ShareWindow window = shareWindow<Block>(share, first);
    const TokenShare tokens = commonTokens(part, {window.first, window.end()});
    if (!oneWindow(share)) {
      loadWindow<Block>(args, window);
      ptx::syncBlock();
    }
    if (ptx::warp() == 0) numberRows<Block>(args, tables, window);
    ptx::syncBlock();
    stampOpening(OpeningStep::Placed);
    copier.copy(args, transport, tables, window, tokens, first == share.begin);
    ptx::syncWarp();
    zeroDropped<Block>(args, window, tokens);
    if (!oneWindow(share)) ptx::syncBlock();
  }
  copier.finish();
  syncProcessor<Block>();
  stampOpening(OpeningStep::Copied);
}

/// Places and dispatches the share of one processor; after the barrier behind the gate.
template <class Block, class Transport>
KT_DEVICE void dispatchShare(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                             RowCopier<Block>& copier, TokenShare share, uint32_t processors, uint32_t processor, uint32_t* own) {
  const bool leader = leads<Block>();
  if (leader && ptx::thread() == 0) trace.record(EventKind::DispatchBegin, 0, 0, 0);
  const PlaceTables tables = placeTables(args.shape);
  totalRows<Block>(args, tables, processors, processor, own);
  copyShare<Block>(args, transport, tables, copier, share);
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
