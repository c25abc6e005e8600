// How a launch begins in every block: the barrier of the rank; in a processor block gate and dispatch around it.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/actors/dispatch.cuh"
#include "kerneltwin/actors/gate.cuh"
#include "kerneltwin/actors/opening_steps.cuh"
#include "kerneltwin/actors/ring_trace.cuh"
#include "kerneltwin/protocol/processor.h"

namespace kerneltwin {

/// Arrives at the barrier of the rank's blocks behind the gate. All threads of a block that speaks for its processor.
KT_DEVICE void arriveRank(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, uint32_t blocks) {
  ptx::syncBlock();
  if (ptx::thread() != 0) return;
  const uint64_t target = barrierTarget(blocks, kBarrierPhases, args.epoch, 0);
  const RingTrace::Stamp arrived = trace.stamp();
  const uint64_t before = arriveBarrier(mem, args.work.barrier);
  trace.recordAt(arrived, EventKind::BarrierArrive, 0, 0, static_cast<uint32_t>(before - (target - blocks)));
}

/// Waits for the other blocks. False, in all threads, when the launch was aborted.
KT_DEVICE bool awaitRank(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, uint32_t blocks) {
  if (ptx::thread() == 0) {
    const bool passed = awaitBarrier(mem, args.work.barrier, barrierTarget(blocks, kBarrierPhases, args.epoch, 0));
    if (passed) trace.record(EventKind::BarrierLeave, 0, 0, 0);
    control().ok = passed ? 1 : 0;
  }
  ptx::syncBlock();
  return control().ok != 0;
}

KT_DEVICE bool rankBarrier(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, uint32_t blocks) {
  arriveRank(args, mem, trace, blocks);
  return awaitRank(args, mem, trace, blocks);
}

/// Waits for a processor: in a pair the leader has arrived for both blocks and tells the other how it went.
template <class Block>
KT_DEVICE bool awaitProcessors(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, const PlaceTables& tables,
                               uint32_t blocks) {
  if constexpr (Block::kCtas == 1) {
    return awaitRank(args, mem, trace, blocks);
  } else {
    static_assert(Block::kCtas == 2);
    bool passed = false;
    if (leads<Block>()) {
      passed = awaitRank(args, mem, trace, blocks);
      const uint32_t there = ptx::clusterAddress(ptx::sharedAddress(tables.verdict), 1);
      if (ptx::thread() == 0) ptx::storeCluster(there, passed ? 1 : 0, 0, 0, 0);
    }
    ptx::clusterSync();
    return leads<Block>() ? passed : *tables.verdict != 0;
  }
}

/// What placing needs of this share alone, done while the other blocks still gate: the choices' numbers, cleared sums, the
/// placement. All threads; without a block barrier, since thread 0 may still wait for its arrival to return. Awaiting the rank
/// orders it before what follows.
template <class Block>
KT_DEVICE void preparePlaces(const LaunchArgs& args, const PlaceTables& tables, TokenShare share) {
  constexpr uint32_t kNumbering = 1;  // a warp other than thread 0's
  clearSums<Block>(args, tables);
  if (ptx::warp() != kNumbering) return;
  clearNumbers(args, tables.first);
  if (!oneWindow(share)) return;
  numberChoices(args, tables.first, shareWindow<Block>(share, share.begin));
  clearNumbers(args, tables.first);
}

/// The gate of a processor and its counts. The share is computed again behind the gate: through it, it would cost registers that
/// the mma.sync block lacks.
template <class Block, class Feed>
KT_DEVICE void gateProcessor(const LaunchArgs& args, Feed& feed, uint32_t processors, uint32_t processor) {
  {
    const TokenShare share = tokenShare(args.tokens, processors, processor);
    gateShare<Block>(args, feed, ownPart<Block>(share), processors, processor, gateCounts<Block>(share));
  }
  const TokenShare share = tokenShare(args.tokens, processors, processor);
  const PlaceTables tables = placeTables(args.shape);
  if constexpr (Block::kCtas > 1) ptx::clusterSync();  // both count the choices of both
  if (!gateCounts<Block>(share)) countChoices<Block>(args, tables, share);
  publishCounts<Block>(args, tables, processor);
  stampOpening(OpeningStep::GateEnd);
}

/// Gate, barrier and dispatch of a processor, on all its blocks. False, in all threads, when the launch was aborted. Otherwise
/// `st` is what the processor then needs to know. `processor` of `processors`: a pair is one. `feed`: see gate.cuh.
template <class Block, class Transport, class Feed>
KT_DEVICE bool openProcessor(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                             SpinState& self, uint32_t processors, uint32_t processor, ProcessorState& st, Feed feed) {
  const bool speaks = leads<Block>() && ptx::thread() == 0;
  stampOpening(OpeningStep::Begin);
  if (speaks) trace.record(EventKind::LaunchBegin, 0, args.epoch, epochState(args.epoch));
  if (speaks) trace.record(EventKind::GateBegin, 0, 0, 0);
  gateProcessor<Block>(args, feed, processors, processor);
  const TokenShare share = tokenShare(args.tokens, processors, processor);
  const PlaceTables tables = placeTables(args.shape);
  if (speaks) {
    trace.record(EventKind::GateEnd, 0, share.end - share.begin, 0);
    self.site = Site::Barrier;
  }
  if (leads<Block>()) arriveRank(args, mem, trace, processors + 1);
  const TokenShare begun = commonTokens(ownPart<Block>(share), {share.begin, share.begin + kWindowTokens});
  RowCopier<Block> copier(args.shape, tables.rest);
  copier.begin(args, begun);
  preparePlaces<Block>(args, tables, share);
  const CountTeam team = CountTeam::of<Block>(args.shape.experts);
  if (!awaitProcessors<Block>(args, mem, trace, tables, processors + 1)) {
    copier.abandon(begun);
    ptx::syncBlock();
    return false;
  }
  stampOpening(OpeningStep::BarrierLeft);

  if (ptx::thread() == 0) self.site = Site::Dispatch;
  uint32_t* own = args.work.ownRows + static_cast<uint64_t>(processor) * args.shape.experts;
  dispatchShare<Block>(args, mem, transport, trace, copier, team, share, processors, processor, own);

  if (ptx::thread() == 0) {
    self.site = Site::Processor;
    st = {args.shape,
          processor,
          args.work.mailboxes,
          args.eager,
          {args.work.processorRing, processorQueueCapacity(args.shape) - 1},
          Block::kSubscribers,
          args.work.processorTail,
          args.work.rowBlockArrivals,
          args.symmetric.flags,
          own};
  }
  ptx::syncBlock();
  return true;
}

/// Ends the ring of a processor, which has one. One thread, ordered after the processor's last record.
KT_DEVICE void closeProcessorRing(const LaunchArgs& args, uint32_t processor) {
  closeRing(control().rings[0], args.trace, processor, actorId(processor, 0), args.epoch);
}

}  // namespace kerneltwin
