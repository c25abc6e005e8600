// Put transport: rows and tiles are written to this rank's outgoing stage and put, with their signal, by NVSHMEM. Works
// wherever NVSHMEM does; NVSHMEM orders a put's payload before its own signal and nothing else.
//
// The protocol's deliver calls are made by single threads; a put is a whole block's work. So they list what to put, and
// `flush`, called by all threads, puts it.
#pragma once

#include <nvshmem.h>
#include <nvshmemx.h>

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/layout/heap.h"

namespace kerneltwin {

/// A payload that waits for the block.
struct ListedPut {
  uint64_t word;    ///< the signal
  uint32_t offset;  ///< first element in the cell, the same in the outgoing and the incoming one
  uint32_t bytes;
  uint32_t flag;
  uint32_t dest;
  uint32_t slot;
  Round round;
};
static_assert(kMaxExperts * (3 * 4 + sizeof(ListedPut)) + (2 * kMaxRanks + 1) * 4 + 32 <= kPipelineBytes + kGateBytes);

struct PutTransport {
  const LaunchArgs& args;

  KT_DEVICE explicit PutTransport(const LaunchArgs& a) : args(a) {}

  KT_DEVICE uint64_t outgoing(Round round, uint32_t dest, uint32_t slot) const {
    return cellIndex(args.shape, dest, round, Stage::Outgoing, slot);
  }
  KT_DEVICE uint64_t incoming(Round round, uint32_t slot) const {
    return cellIndex(args.shape, args.rank, round, Stage::Incoming, slot);
  }

  KT_DEVICE bf16* dispatchRow(uint32_t dest, uint32_t slot, uint32_t row) const {
    return args.symmetric.heap + dispatchOffset(args.shape, outgoing(Round::Dispatch, dest, slot), row, 0);
  }

  KT_DEVICE bf16* combineTile(uint32_t dest, uint32_t slot, uint32_t row, uint32_t col) const {
    return args.symmetric.heap +
           combineOffset(args.shape, outgoing(Round::Combine, dest, slot), row, col * args.shape.tileCols);
  }

  /// The rows only reached the outgoing stage; their put is recorded when the cell is complete.
  template <class T>
  KT_DEVICE void recordRows(T&, uint32_t, uint32_t, uint32_t, uint32_t) const {}

  template <class T>
  KT_DEVICE void beforeCellSignal(T& trace, uint32_t dest, uint32_t slot, uint32_t rows) const {
    if (rows == 0) return;
    const uint64_t row = heapRow(args.shape, incoming(Round::Dispatch, slot), 0);
    trace.record(EventKind::Put, dest, static_cast<uint32_t>(row), packPut(rows, 0));
  }

  KT_DEVICE void openList(char* memory) const {
    if (thread0()) {
      control().list = memory;
      control().listed = 0;
    }
    ptx::syncBlock();
  }

  template <class M>
  KT_DEVICE void deliverCell(M&, uint32_t dest, uint32_t slot, uint32_t rows, uint32_t flag, uint64_t word) const {
    if (rows == 0) {
      nvshmemx_signal_op(args.symmetric.flags + flag, word, NVSHMEM_SIGNAL_SET, static_cast<int>(dest));
      return;
    }
    list({word, 0, rows * args.shape.hidden * 2, flag, dest, slot, Round::Dispatch});
  }

  template <class M>
  KT_DEVICE void deliverTile(M&, uint32_t dest, uint32_t slot, RowSpan span, uint32_t col, uint32_t flag,
                             uint64_t word) const {
    const Shape& s = args.shape;
    const uint32_t column = col * s.tileCols;
    list({word, static_cast<uint32_t>(combineOffset(s, 0, span.begin, column)),
          span.count * tileWidth(s, s.hidden, col) * 2, flag, dest, slot, Round::Combine});
  }

  /// All threads of the block.
  KT_DEVICE void flush() const {
    __threadfence_system();  // staged rows are read by a proxy or a network card where there is no direct access
    ptx::syncBlock();
    const uint32_t listed = control().listed;
    const ListedPut* puts = reinterpret_cast<const ListedPut*>(control().list);
    for (uint32_t i = 0; i < listed; ++i) {
      const ListedPut& p = puts[i];
      const uint64_t cell = static_cast<uint64_t>(args.shape.capacity) * args.shape.hidden;
      nvshmemx_putmem_signal_nbi_block(args.symmetric.heap + incoming(p.round, p.slot) * cell + p.offset,
                                       args.symmetric.heap + outgoing(p.round, p.dest, p.slot) * cell + p.offset,
                                       p.bytes, args.symmetric.flags + p.flag, p.word, NVSHMEM_SIGNAL_SET,
                                       static_cast<int>(p.dest));
    }
    ptx::syncBlock();
  }

  /// Before the launch ends: the stage must not be reused while a put still reads it, and a no-op of this launch must not land
  /// on the next launch's signal of the same flag (S8): nothing else orders two puts, and nobody waits for a no-op.
  KT_DEVICE void quiet() const {
    if (thread0()) nvshmem_quiet();
  }

 private:
  KT_DEVICE static bool thread0() { return ptx::thread() == 0; }

  KT_DEVICE static void list(const ListedPut& put) {
    const uint32_t at = ptx::add<Order::Relaxed, Scope::Block>(&control().listed, 1u);
    reinterpret_cast<ListedPut*>(control().list)[at] = put;
  }
};

}  // namespace kerneltwin
