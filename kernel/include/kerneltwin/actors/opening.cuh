// How a launch begins in every block: the barrier of the rank; in a processor block gate and dispatch around it.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/actors/dispatch.cuh"
#include "kerneltwin/actors/gate.cuh"
#include "kerneltwin/actors/opening_steps.cuh"
#include "kerneltwin/actors/ring_trace.cuh"
#include "kerneltwin/protocol/processor.h"

namespace kerneltwin {

/// Barrier of the rank's blocks behind the gate. False, in all threads, when the launch was aborted.
KT_DEVICE bool rankBarrier(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, uint32_t blocks) {
  ptx::syncBlock();
  if (ptx::thread() == 0) {
    const uint64_t target = barrierTarget(blocks, kBarrierPhases, args.epoch, 0);
    const RingTrace::Stamp arrived = trace.stamp();
    const uint64_t before = arriveBarrier(mem, args.work.barrier);
    trace.recordAt(arrived, EventKind::BarrierArrive, 0, 0, static_cast<uint32_t>(before - (target - blocks)));
    const bool passed = awaitBarrier(mem, args.work.barrier, target);
    if (passed) trace.record(EventKind::BarrierLeave, 0, 0, 0);
    control().ok = passed ? 1 : 0;
  }
  ptx::syncBlock();
  return control().ok != 0;
}

/// The same for a processor: in a pair the leader arrives for both blocks and tells the other how it went.
template <class Block>
KT_DEVICE bool processorBarrier(const LaunchArgs& args, DeviceMemory& mem, RingTrace& trace, const PlaceTables& tables,
                                uint32_t blocks) {
  if constexpr (Block::kCtas == 1) {
    return rankBarrier(args, mem, trace, blocks);
  } else {
    static_assert(Block::kCtas == 2);
    bool passed = false;
    if (leads<Block>()) {
      passed = rankBarrier(args, mem, trace, blocks);
      const uint32_t there = ptx::clusterAddress(ptx::sharedAddress(tables.verdict), 1);
      if (ptx::thread() == 0) ptx::storeCluster(there, passed ? 1 : 0, 0, 0, 0);
    }
    ptx::clusterSync();
    return leads<Block>() ? passed : *tables.verdict != 0;
  }
}

/// Gate, barrier and dispatch of a processor, on all its blocks. False, in all threads, when the launch was aborted. Otherwise
/// `st` is what the processor then needs to know. `processor` of `processors`: a pair is one.
template <class Block, class Transport>
KT_DEVICE bool openProcessor(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                             SpinState& self, uint32_t processors, uint32_t processor, ProcessorState& st) {
  const bool speaks = leads<Block>() && ptx::thread() == 0;
  stampOpening(OpeningStep::Begin);
  if (speaks) trace.record(EventKind::LaunchBegin, 0, args.epoch, epochState(args.epoch));
  const TokenShare share = tokenShare(args.tokens, processors, processor);
  const TokenShare part = ownPart<Block>(share);
  if (speaks) trace.record(EventKind::GateBegin, 0, 0, 0);
  gateShare<Block>(args, part, processors, processor);
  const PlaceTables tables = placeTables(args.shape);
  const TokenShare begun = commonTokens(part, {share.begin, share.begin + kWindowTokens});
  RowCopier<Block> copier(args.shape, tables.rest);
  copier.begin(args, begun);
  if constexpr (Block::kCtas > 1) ptx::clusterSync();  // both count the choices of both
  countChoices<Block>(args, tables, share, processor);
  stampOpening(OpeningStep::GateEnd);
  if (speaks) {
    trace.record(EventKind::GateEnd, 0, share.end - share.begin, 0);
    self.site = Site::Barrier;
  }
  if (!processorBarrier<Block>(args, mem, trace, tables, processors + 1)) {
    copier.abandon(begun);
    ptx::syncBlock();
    return false;
  }
  stampOpening(OpeningStep::BarrierLeft);

  if (ptx::thread() == 0) self.site = Site::Dispatch;
  uint32_t* own = args.work.ownRows + static_cast<uint64_t>(processor) * args.shape.experts;
  dispatchShare<Block>(args, mem, transport, trace, copier, share, processors, processor, own);

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

/// Ends the ring of a processor block, which has one. One thread, ordered after the processor's last record.
KT_DEVICE void closeProcessorRing(const LaunchArgs& args) {
  closeRing(control().rings[0], args.trace, ptx::block(), actorId(ptx::block(), 0), args.epoch);
}

}  // namespace kerneltwin
