// The trace policy of the device: records go to the acting warp's ring in global memory, 16 bytes each, one streaming store.
//
// Cost on an H200: about 26 cycles for the store and the clock, but two records of one warp lie 0.4 us apart: a vote, an atomic and
// a shuffle say where each lane writes. The scheduler's, whose lanes record together, count in registers (kernel/TUNING.md).
// With tracing off a record is one predicate on a kernel parameter, which cost a launch 1.6 to 3.7 %: the wgmma kernels are also
// built without trace code, for worlds that are not traced.
#pragma once

#include "kerneltwin/actors/control.cuh"
#include "kerneltwin/layout/bits.h"
#include "kerneltwin/ptx/clock.cuh"
#include "kerneltwin/ptx/memory.cuh"
#include "kerneltwin/ptx/warp.cuh"
#include "kerneltwin/trace/tracing.h"

namespace kerneltwin {

/// A warp's ring. Any lanes of the warp may record, together or apart: lanes that record together take consecutive places.
/// A lane's own records keep their order; the host sorts what different lanes recorded by time.
struct RingTrace {
  const TraceBuffers& buffers;
  RingState* ring;

  using Stamp = uint64_t;

  KT_DEVICE bool off() const { return !kTracing || buffers.headers == nullptr; }
  KT_DEVICE Stamp stamp() const { return off() ? 0 : ptx::cycles(); }

  KT_DEVICE void record(EventKind kind, uint32_t aux, uint32_t a, uint32_t b) { recordAt(stamp(), kind, aux, a, b); }

  KT_DEVICE void recordAt(Stamp at, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
    if (off()) return;
    const uint32_t lanes = ptx::activeLanes();
    const uint32_t leader = lowestBit(lanes);
    uint32_t place = 0;
    if (ptx::lane() == leader) place = ptx::takeShared(&ring->written, countBits(lanes));
    place = ptx::shuffleAmong(lanes, place, leader) + countBits(lanes & lowMask(ptx::lane()));
    if (place >= ring->capacity) return;
    const TraceRecord r = packRecord(at - ring->originTicks, kind, aux, a, b);
    ptx::storeStreaming(&ring->records[place], r.head, r.body);
  }
};

/// The trace of a warp whose lanes make all records together (protocol/record_if.h). Neither votes on who is there, nor an atomic, nor
/// the ring's words in shared memory: a call takes a ballot and a store.
struct WarpTrace {
  const TraceBuffers& buffers;
  TraceRecord* records;
  uint64_t originTicks;
  uint32_t capacity;
  uint32_t written;   ///< the same in all lanes

  KT_DEVICE bool off() const { return !kTracing || buffers.headers == nullptr; }

  /// Goes on behind what was recorded in the warp's ring; after a barrier behind that. By the whole warp.
  KT_DEVICE WarpTrace(const TraceBuffers& b, const RingState& ring)
      : buffers(b), records(ring.records), originTicks(ring.originTicks), capacity(ring.capacity), written(ring.written) {}

  KT_DEVICE void recordIf(bool active, EventKind kind, uint32_t aux, uint32_t a, uint32_t b) {
    if (off()) return;
    const uint32_t lanes = ptx::ballot(active);
    const uint32_t place = written + countBits(lanes & lowMask(ptx::lane()));
    written += countBits(lanes);
    if (!active || place >= capacity) return;
    const TraceRecord r = packRecord(ptx::cycles() - originTicks, kind, aux, a, b);
    ptx::storeStreaming(&records[place], r.head, r.body);
  }

  /// Leaves the ring to others.
  KT_DEVICE void close(RingState& ring) const {
    if (kTracing && ptx::lane() == 0) ring.written = written;
  }
};

/// Opens ring `index` for an actor. One thread; the caller then orders it before the actor's first record.
KT_DEVICE void openRing(RingState& state, const TraceBuffers& buffers, uint32_t index) {
  if (!kTracing) return;
  state.written = 0;
  state.capacity = buffers.capacity;
  if (buffers.headers == nullptr) return;
  state.records = buffers.records + static_cast<uint64_t>(index) * buffers.capacity;
  ptx::anchor(state.originNs, state.originTicks);
}

/// Writes the ring's header with a second anchor, so that the host can tie every record to the global timer. One thread,
/// ordered after the actor's last record.
KT_DEVICE void closeRing(const RingState& state, const TraceBuffers& buffers, uint32_t index, uint32_t actor,
                         uint32_t launch) {
  if (!kTracing || buffers.headers == nullptr) return;
  TraceRingHeader& header = buffers.headers[index];
  header.actor = actor;
  header.capacity = state.capacity;
  header.written = state.written;
  header.launch = launch;
  header.anchorNs[0] = state.originNs;
  header.anchorTicks[0] = state.originTicks;
  ptx::anchor(header.anchorNs[1], header.anchorTicks[1]);
}

}  // namespace kerneltwin
