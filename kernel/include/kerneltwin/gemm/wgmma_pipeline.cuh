// The roles of a processor block that runs tasks on wgmma, one device function each, and the mailbox between them.
//
//   clerk      one thread: takes tasks from a source, hands them to the others, reports their end
//   producer   one thread: keeps the ring of stages full, across tasks
//   consumers  two warpgroups: products and epilogue
//
// A source, policy `S` of the clerk, is what the protocol (or a benchmark) puts behind the mailbox. All calls by one thread:
//   bool take(TileTask& task)          fills in the next task if there is one now; an Exit task ends the launch (and is the
//                                      answer from then on to an abort); never waits
//   void begun(const TileTask&)        its first product is issued: everything before it is computed
//   void started(const TileTask&, at)  likewise, and all tasks before it are finished; `at`: SM clock of its first product
//   void finished(const TileTask&)     all its results are stored, and ordered before what this thread does next
//   void close()                       the exit was taken and everything before it is finished
// Tasks begin and finish in the order they were taken. Two are in hand at most where one would do without overlap: the one
// computed and the next, whose operands already stream in; the last one's stores may still drain.
//
// Other tasks (COMBINE) run on the consumers: policy `O`, void operator()(const TileTask&, uint32_t thread) with `thread` of
// kConsumerThreads.
#pragma once

#include "kerneltwin/gemm/wgmma_epilogue.cuh"
#include "kerneltwin/gemm/wgmma_mainloop.cuh"
#include "kerneltwin/ptx/clock.cuh"
#include "kerneltwin/ptx/setmaxnreg.cuh"
#include "kerneltwin/ptx/tma.cuh"

namespace kerneltwin {

/// The clerk. Returns when the exit was taken and all tasks before it are reported.
template <class Config, class Source>
KT_DEVICE void runClerk(const PipelineView<Config>& pipe, Source& source) {
  SlotCursor taken;
  SlotCursor begun;
  SlotCursor started;
  SlotCursor finished;
  PipelineWords& words = pipe.words();
  bool exiting = false;
  for (;;) {
    if (!exiting && taken.count - begun.count < kTasksAhead && taken.count - finished.count < kTaskSlots) {
      TileTask& task = words.slots[taken.slot()];
      if (source.take(task)) {
        exiting = task.kind == TaskKind::Exit;
        ptx::arrive(pipe.filled(taken.slot()));
        if (!exiting) ++taken.count;
      }
    }
    if (begun.count != taken.count && ptx::testWait(pipe.begun(begun.slot()), begun.phase())) {
      source.begun(words.slots[begun.slot()]);
      ++begun.count;
    }
    if (started.count != begun.count && started.count == finished.count) {
      source.started(words.slots[started.slot()], words.begunAt[started.slot()]);
      ++started.count;
    }
    if (finished.count != started.count && ptx::testWait(pipe.stored(finished.slot()), finished.phase())) {
      source.finished(words.slots[finished.slot()]);
      ++finished.count;
    }
    if (exiting && finished.count == taken.count) break;
  }
  source.close();
}

/// Starts the copies of one stage: the tile's weights in one box, its tokens in one box per binary digit of their groups.
template <class Config>
KT_DEVICE void fillStage(const PipelineView<Config>& pipe, const TileMaps& maps, const TileTask& task, uint32_t stage,
                         uint32_t column, uint64_t weightPolicy, uint64_t tokenPolicy) {
  const uint32_t groups = tokenGroups(task.rows);
  const uint32_t to = pipe.ring + stage * Config::kStageBytes;
  const uint32_t full = pipe.full(stage);
  ptx::arriveExpecting(full, Config::kWeightBytes + groups * kSwizzleBytes);
  ptx::loadBox(to, &maps.weights[task.gemm], column, task.weightRow, full, weightPolicy);
  uint32_t group = 0;
#pragma unroll
  for (uint32_t b = kTokenBoxes; b-- > 0;) {
    if (!(groups >> b & 1)) continue;
    ptx::loadBox(to + Config::kWeightBytes + group * kSwizzleBytes, &maps.tokens[task.gemm][b], column,
                 task.tokenRow + group * 8, full, tokenPolicy);
    group += 1u << b;
  }
}

/// The producer: one thread. Runs ahead of the consumers by the whole ring, into the next task as soon as it is known.
template <class Config, class Guard>
KT_DEVICE void runProducer(const PipelineView<Config>& pipe, const TileMaps& maps, const Guard& guard) {
  const uint64_t once = ptx::policyReadOnce();
  const uint64_t normal = ptx::policyNormal();
  const uint64_t keep = ptx::policyKeep();
  RingCursor<Config> ring;
  for (SlotCursor at;; ++at.count) {
    awaitPhase(guard, pipe.filled(at.slot()), at.phase(), Wait::Task);
    const TileTask task = pipe.words().slots[at.slot()];
    if (task.kind == TaskKind::Exit) return;
    if (task.kind == TaskKind::Tile) {
      ptx::fenceGlobalForCopies();  // rows written by ordinary stores, ordered before this task was taken
      const uint64_t weightPolicy = task.readOnce ? once : normal;
      for (uint32_t step = 0; step < task.steps; ++step) {
        awaitPhase(guard, pipe.empty(ring.stage), ring.phase ^ 1, Wait::Empty);
        fillStage(pipe, maps, task, ring.stage, step * kStageDepth, weightPolicy, keep);
        ring.advance();
      }
    }
    ptx::arrive(pipe.stored(at.slot()));
  }
}

/// A consumer warpgroup, all its threads.
template <class Config, class Guard, class Other>
KT_DEVICE void runConsumer(const PipelineView<Config>& pipe, const Guard& guard, Other& other) {
  const uint32_t thread = ptx::thread() - kWarpgroupThreads;
  RingCursor<Config> ring;
  for (SlotCursor at;; ++at.count) {
    awaitPhase(guard, pipe.filled(at.slot()), at.phase(), Wait::Task);
    const TileTask& task = pipe.words().slots[at.slot()];
    if (task.kind == TaskKind::Exit) return;
    if (thread == 0) {
      pipe.words().begunAt[at.slot()] = ptx::cycles();
      ptx::arrive(pipe.begun(at.slot()));
    }
    if (task.kind == TaskKind::Tile) {
      float acc[Config::kAccumulators];
      ptx::leaveUndefined(acc);  // a tile's first products overwrite them; other tasks have their registers
      const TileBias<Config> bias(pipe, task);
      multiplyTile<Config>(acc, pipe, ring, task, guard);
      finishTile<Config>(acc, pipe, task, bias);
    } else {
      other(task, thread);
    }
    pipe.release(pipe.stored(at.slot()));
  }
}

/// All roles: the launch of a processor block of kPipelineThreads threads. `makeSource` is called by the clerk's thread alone.
template <class Config, class MakeSource, class Guard, class Other>
KT_DEVICE void runPipeline(char* shared, const TileMaps& maps, const Guard& guard, MakeSource makeSource, Other& other) {
  const PipelineView<Config> pipe(shared);
  openPipeline(pipe);
  const uint32_t warp = ptx::shuffle(ptx::warp(), 0);
  if (warp < kWarpgroupThreads / 32) {
    ptx::shrinkRegisters<kFeederRegisters>();
    if (warp == 0 && ptx::lane() == 0) {
      runProducer<Config>(pipe, maps, guard);
    } else if (warp == 1 && ptx::lane() == 0) {
      auto source = makeSource();
      runClerk<Config>(pipe, source);
    }
  } else {
    ptx::growRegisters<kConsumerRegisters>();
    runConsumer<Config>(pipe, guard, other);
  }
}

}  // namespace kerneltwin
