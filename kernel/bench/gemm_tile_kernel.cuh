// The wgmma pipeline alone: persistent blocks that walk a list of GEMM tasks, without mailboxes or peers.
#pragma once

#include "kerneltwin/gemm/wgmma_pipeline.cuh"
#include "kerneltwin/ptx/memory.cuh"

namespace kerneltwin::bench {

/// What a wait that ran out of time leaves behind, in host memory: the fault that follows keeps nothing else.
struct Diagnosis {
  uint32_t where;     ///< enum Wait, or 9: a GEMM1 task whose GEMM0 tiles never finished
  uint32_t block;
  uint32_t thread;
  uint32_t detail;    ///< barrier's shared-memory address, or position in the task list
};

struct ListArgs {
  TileMaps maps;
  Shape shape;
  TilePlaces places;
  bf16* heap;
  const uint32_t* rows;       ///< [expert]
  const uint32_t* order;      ///< task indices
  uint32_t count;
  uint32_t* claim;            ///< next position, or null: processor p takes positions p, p + processors, ...
  uint32_t* rowBlockArrivals; ///< GEMM0 tiles finished, or null: the list has no task that depends on another of it
  uint64_t limitNs;
  Diagnosis* diagnosis;
};

/// Deadline of all waits of a block.
struct BenchGuard {
  uint64_t deadline;
  Diagnosis* diagnosis;

  KT_DEVICE void fail(uint32_t where, uint32_t detail) const {
    *diagnosis = {where, ptx::block(), ptx::thread(), detail};
    __threadfence_system();
    ptx::fault();
  }
  KT_DEVICE void late(Wait where, uint32_t barrier) const {
    if (ptx::globalTimer() > deadline) fail(static_cast<uint32_t>(where), barrier);
  }
};

/// A list of tasks as a source. A GEMM1 task waits for its row block's GEMM0 tiles, which are earlier in the list.
struct ListSource {
  const ListArgs& args;
  const BenchGuard& guard;
  uint32_t position;
  uint32_t stride;   ///< processors of the launch
  bool held;

  KT_DEVICE bool take(TileTask& task) {
    if (!held) {
      if (args.claim != nullptr) position = ptx::add<Order::Relaxed, Scope::Device>(args.claim, 1u);
      held = true;
    }
    task.kind = TaskKind::Exit;
    if (position >= args.count) return true;
    const Shape& s = args.shape;
    const uint32_t index = args.order[position];
    const Task t = decodeTask(s, index);
    const uint32_t rows = args.rows[t.expert];
    if (t.op == Op::Gemm0) {
      gemm0Tile(s, args.places, t, index, rows, task);
    } else {
      if (!inputsReady(t)) return false;
      const uint64_t cell = cellIndex(s, 0, Round::Combine, Stage::Incoming, t.expert);
      const RowSpan span = rowSpan(s, rows, t.block);
      gemm1Tile(s, args.places, t, index, rows, args.heap + combineOffset(s, cell, span.begin, t.col * s.tileCols), task);
    }
    task.sequence = 0;
    held = false;
    if (args.claim == nullptr) position += stride;
    return true;
  }

  KT_DEVICE void begun(const TileTask&) {}
  KT_DEVICE void started(const TileTask&, uint64_t) {}
  KT_DEVICE void finished(const TileTask& task) {
    if (args.rowBlockArrivals == nullptr || task.gemm != 0) return;
    const Task t = decodeTask(args.shape, task.index);
    ptx::add<Order::AcqRel, Scope::Device>(&args.rowBlockArrivals[rowBlockIndex(args.shape, t.expert, 0, t.block)], 1u);
  }
  KT_DEVICE void close() {}

 private:
  KT_DEVICE bool inputsReady(const Task& t) const {
    if (args.rowBlockArrivals == nullptr) return true;
    const uint32_t* arrivals = &args.rowBlockArrivals[rowBlockIndex(args.shape, t.expert, 0, t.block)];
    if (ptx::load<Order::Acquire, Scope::Device>(arrivals) == gemm0Cols(args.shape)) return true;
    if (ptx::globalTimer() > guard.deadline) guard.fail(9, position);
    return false;
  }
};

struct NoOther {
  const ListArgs& args;

  KT_DEVICE uint32_t activation() const { return args.places.activation; }
  KT_DEVICE void onAides(const TileTask&, char*) const {}
  KT_DEVICE void onConsumers(const TileTask&, char*) const {}
};

template <class Config>
__global__ void __launch_bounds__(kPipelineThreads, 1) listKernel(const __grid_constant__ ListArgs args) {
  const BenchGuard guard = {ptx::globalTimer() + args.limitNs, args.diagnosis};
  if (ptx::thread() < 2 + 2 * kTokenBoxes) {
    const uint32_t i = ptx::thread();
    ptx::prefetchMap(i < 2 ? &args.maps.weights[i] : &args.maps.tokens[(i - 2) / kTokenBoxes][(i - 2) % kTokenBoxes]);
  }
  const NoOther other = {args};
  runPipeline<Config>(ptx::dynamicShared(), args.maps, guard,
                      [&] {
                        return ListSource{args, guard, ptx::block() / Config::kCtas, gridDim.x / Config::kCtas,
                                          args.claim == nullptr};
                      },
                      other);
}

}  // namespace kerneltwin::bench
