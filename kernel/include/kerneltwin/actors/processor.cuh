// A processor block on mma.sync: gate, barrier, dispatch, then tasks until the scheduler interrupts.
#pragma once

#include "kerneltwin/actors/combine.cuh"
#include "kerneltwin/actors/opening.cuh"
#include "kerneltwin/gemm/tile_mma.cuh"
#include "kerneltwin/protocol/processor.h"

namespace kerneltwin {

/// Operands and destination of a GEMM task.
template <class Transport>
KT_DEVICE void gemmOperands(const LaunchArgs& args, const Transport& transport, const Task& task, RowSpan span,
                            TileOperands& tile, TileOutput& to) {
  const Shape& s = args.shape;
  const uint32_t column = task.col * s.tileCols;
  tile.rows = span.count;
  if (task.op == Op::Gemm0) {
    const uint64_t cell = cellIndex(s, task.peer, Round::Dispatch, Stage::Incoming, task.expert);
    const uint64_t first = static_cast<uint64_t>(task.expert) * w1Rows(s) + column;
    tile.tokens = args.symmetric.heap + dispatchOffset(s, cell, span.begin, 0);
    tile.weights = args.tensors.w1 + first * s.hidden;
    tile.columns = tileWidth(s, w1Rows(s), task.col);
    tile.depth = s.hidden;
    to.out = args.work.intermediate + intermediateOffset(s, task.peer, task.expert, span.begin, column >> s.gated);
    to.stride = s.intermediate;
    to.bias = args.tensors.b1 != nullptr ? args.tensors.b1 + first : nullptr;
    to.activation = args.activation;
  } else {
    const uint64_t first = static_cast<uint64_t>(task.expert) * s.hidden + column;
    tile.tokens = args.work.intermediate + intermediateOffset(s, task.peer, task.expert, span.begin, 0);
    tile.weights = args.tensors.w2 + first * s.intermediate;
    tile.columns = tileWidth(s, s.hidden, task.col);
    tile.depth = s.intermediate;
    to.out = transport.combineTile(task.peer, task.expert, span.begin, task.col);
    to.stride = tile.columns;
    to.bias = args.tensors.b2 != nullptr ? args.tensors.b2 + first : nullptr;
    to.activation = Activation::Identity;
  }
}

/// All threads of the block.
template <class E>
struct WholeBlock {
  using Element = E;
  static constexpr uint32_t kThreads = MmaBlock::kThreads;
  KT_DEVICE static uint32_t thread() { return ptx::thread(); }
  KT_DEVICE static void sync() { ptx::syncBlock(); }
};

/// One task, on all threads of the block. A GEMM1 tile is delivered and signalled before the task counts as finished.
template <class E, class Transport>
KT_DEVICE void executeTask(const LaunchArgs& args, DeviceMemory& mem, Transport& transport, RingTrace& trace,
                           const Task& task, uint32_t rows) {
  const Shape& s = args.shape;
  if (task.op == Op::Combine) {
    combineTask<WholeBlock<E>>(args, mem, task, rows, reinterpret_cast<uint32_t*>(pipelineMemory()));
    return;
  }
  Control& words = control();
  if (ptx::thread() == 0) gemmOperands(args, transport, task, rowSpan(s, rows, task.block), words.tile, words.to);
  ptx::syncBlock();
  gemmTile<E>(words.tile, words.to, pipelineMemory());
  if (task.op == Op::Gemm0) return;
  transport.openList(pipelineMemory());
  if (ptx::thread() == 0) {
    const RowSpan span = rowSpan(s, rows, task.block);
    const uint64_t cell = cellIndex(s, args.rank, Round::Combine, Stage::Incoming, task.expert);
    trace.record(EventKind::Put, task.peer, static_cast<uint32_t>(heapRow(s, cell, span.begin)),
                 packPut(span.count, task.col + 1));
    signalTile(mem, transport, trace, s, {args.placement, s.ranks}, args.rank, args.epoch, task, rows);
  }
  transport.flush();
}

/// The launch of one processor block.
template <class E, class Transport>
KT_DEVICE void runProcessorBlock(const LaunchArgs& args, uint32_t processors, uint32_t processor) {
  SpinState& self = control().spins[0];
  Transport transport(args);
  RingTrace trace = {args.trace, &control().rings[0]};
  DeviceMemory mem = {args.work.abort, &self};
  ProcessorState& st = control().source.processor;
  if (openProcessor<MmaBlockOf<E>>(args, mem, transport, trace, self, processors, processor, st,
                                   LogitCopies<MmaBlockOf<E>>())) {
    DeviceBlock block;
    runProcessor(mem, block, trace, st, [&](const Task& task, uint32_t, uint32_t rows) {
      executeTask<E>(args, mem, transport, trace, task, rows);
    });
    transport.quiet();
  }
  if (ptx::thread() == 0) closeProcessorRing(args, processor);
}

}  // namespace kerneltwin
