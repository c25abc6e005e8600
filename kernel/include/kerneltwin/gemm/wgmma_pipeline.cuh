// The roles of a processor block that runs tasks on wgmma, one device function each, and the mailbox between them.
//
//   clerk      one thread: takes tasks from a source, hands them to the others, reports their end; in a pair the leader's
//   producer   one thread: keeps the ring of stages full, across tasks
//   consumers  two warpgroups: products and epilogue
//   aides      two warps: tasks that are not tiles (COMBINE), beside the tensor work
//
// A source, policy `S` of the clerk, is what the protocol (or a benchmark) puts behind the mailbox. All calls by one thread:
//   bool take(TileTask& task)          fills in the next task if there is one now; an Exit task ends the launch (and is the
//                                      answer from then on to an abort); never waits
//   void begun(const TileTask&)        it has left the mailbox: a tile when the one before it nears its end
//   void started(const TileTask&, at)  it runs, and all before it in its stream are finished; `at`: SM clock of its beginning
//   void finished(const TileTask&)     all its results are stored, and ordered before what this thread does next
//   void close()                       the exit was taken and everything before it is finished
// Tiles are reported in the order they were taken, and so are the aides' tasks; the two streams run beside each other. Tiles in
// hand: the one computed and the next, whose operands follow in the ring; the last one's stores may still drain.
//
// What another task is: policy `O`,
//   void onAides(const TileTask&, char* shared) const       on the kAideThreads threads, with kAideBytes of shared memory
//   void onConsumers(const TileTask&, char* shared) const   on the kConsumerThreads threads, with the epilogues' buffers
// (of each block of a pair).
#pragma once

#include "kerneltwin/gemm/wgmma_epilogue.cuh"
#include "kerneltwin/gemm/wgmma_mainloop.cuh"
#include "kerneltwin/ptx/clock.cuh"
#include "kerneltwin/ptx/setmaxnreg.cuh"
#include "kerneltwin/ptx/tma.cuh"
#include "kerneltwin/trace/tracing.h"

namespace kerneltwin {

/// The clerk's view of one stream: how many of its tasks were taken, run and are reported, all in order.
template <class Cursor>
struct TaskStream {
  Cursor taken;
  Cursor started;
  Cursor finished;

  KT_DEVICE bool full() const { return taken.count - finished.count == Cursor::kSlots; }
  KT_DEVICE bool empty() const { return taken.count == finished.count; }

  /// Reports the oldest task's beginning or end, if that has come.
  template <class Config, class Source>
  KT_DEVICE void report(const PipelineView<Config>& pipe, Source& source) {
    auto& words = pipe.words();
    if (started.count == finished.count) {
      if (empty() || !ptx::testWait(pipe.begun(started.slot()), started.phase())) return;
      if (words.slots[started.slot()].kind != TaskKind::Warm) {
        source.started(words.slots[started.slot()], words.begunAt[started.slot()]);
      }
      ++started.count;
    }
    if (!pipe.testStored(finished.slot(), finished.phase())) return;
    if (words.slots[finished.slot()].kind != TaskKind::Warm) source.finished(words.slots[finished.slot()]);
    ++finished.count;
  }
};

/// Has the consumers run the epilogues of both GEMMs once, on nothing, while the first task is on its way.
template <class Config>
KT_DEVICE void warmEpilogues(const PipelineView<Config>& pipe, TileCursor& taken, uint32_t activation) {
#pragma unroll 1
  for (uint32_t gemm = 0; gemm < 2; ++gemm) {
    TileTask& task = pipe.words().slots[taken.slot()];
    task.kind = TaskKind::Warm;
    task.gemm = gemm;
    task.steps = 0;
    task.rows = Config::kTokens;
    task.columns = Config::kTaskColumns;
    task.stride = 0;
    task.activation = gemm == 0 ? activation : static_cast<uint32_t>(Activation::Identity);
    task.out = nullptr;
    task.bias = nullptr;
    pipe.publishTask(taken.slot());
    ++taken.count;
  }
}

/// The clerk. Returns when the exit was taken and all tasks before it are reported.
///
/// A tile leaves the mailbox when half of the copies of the tile before it are issued: from then on the scheduler may answer with the
/// next. Earlier would bind tiles to blocks that are not the first to be free (65 us between the
/// first block's end and the last's with few tokens on an H200); later, and the answer (a sweep, two trips through a loaded L2,
/// the addresses; twice that when a COMBINE comes first) would come after the tile's end.
///
/// Another task leaves the mailbox at once and waits with the clerk: for the aides while there are tiles, or else for the
/// consumers, which have four times the threads (a COMBINE of 256 rows that completes them all: 13 us instead of 36; of eight choices a
/// token 137 us on the aides, and that was the end of a launch). So it waits for them as well once the last tile in hand nears
/// its end.
template <class Config, class Source>
KT_DEVICE void runClerk(const PipelineView<Config>& pipe, Source& source, uint32_t activation) {
  TaskStream<TileCursor> tiles;
  TaskStream<AideCursor> others;
  uint32_t pendingFirst = 0;
  uint32_t pendingLast = 0;
  uint32_t tilesEnd = 0;  // where the last tile was taken in its stream: until it is finished the consumers have tiles
  bool held = false;      // the last tile taken is still in the mailbox
  bool exiting = false;
  auto& words = pipe.words();
  warmEpilogues(pipe, tiles.taken, activation);
  for (;;) {
    const uint32_t inHand = tiles.taken.count - tiles.finished.count;
    const bool tiling = tilesEnd - tiles.finished.count - 1 < kTileSlots;
    if (!exiting && !held && !tiles.full() && pendingLast - pendingFirst < (tiling ? kPendingTasks : 1)) {
      TileTask& task = words.slots[tiles.taken.slot()];
      if (source.take(task)) {
        exiting = task.kind == TaskKind::Exit;
        if (task.kind == TaskKind::Tile) {
          pipe.publishTask(tiles.taken.slot());
          tilesEnd = ++tiles.taken.count;
          held = true;
        } else if (!exiting) {
          source.begun(task);
          words.pending[pendingLast++ % kPendingTasks] = task;
        }
      }
    }
    if (pendingFirst != pendingLast) {
      const TileTask& next = words.pending[pendingFirst % kPendingTasks];
      const TileCursor last = {tilesEnd - 1};
      if (!tiling && inHand < 2) {
        words.slots[tiles.taken.slot()] = next;
        words.slots[tiles.taken.slot()].kind = TaskKind::Wide;
        pipe.publishTask(tiles.taken.slot());
        ++tiles.taken.count;
        ++pendingFirst;
      } else if (tiling && others.empty() && (inHand > 1 || !ptx::testWait(pipe.nearEnd(last.slot()), last.phase()))) {
        words.slots[others.taken.slot()] = next;
        pipe.publishTask(others.taken.slot());
        ++others.taken.count;
        ++pendingFirst;
      }
    }
    if (held) {
      const TileCursor before = {tiles.taken.count - 2};
      if (tiles.taken.count == 1 || ptx::testWait(pipe.nearEnd(before.slot()), before.phase())) {
        source.begun(words.slots[TileCursor{tiles.taken.count - 1}.slot()]);
        held = false;
      }
    }
    // Not a tile that is held: first it must have left the mailbox.
    if (!held || tiles.started.count + 1 != tiles.taken.count || tiles.started.count != tiles.finished.count) {
      tiles.report(pipe, source);
    }
    others.report(pipe, source);
    if (exiting && pendingFirst == pendingLast && tiles.empty() && others.empty()) break;
  }
  words.slots[tiles.taken.slot()].kind = words.slots[others.taken.slot()].kind = TaskKind::Exit;
  pipe.publishTask(tiles.taken.slot());
  pipe.publishTask(others.taken.slot());
  source.close();
}

/// Token rows that one block of a pair, or a block alone, copies.
struct TokenPart {
  uint32_t first;   ///< in groups of 8
  uint32_t groups;
};

template <class Config>
KT_DEVICE TokenPart tokenPart(const PipelineView<Config>& pipe, uint32_t groups) {
  if constexpr (Config::kCtas == 1) return {0, groups};
  const uint32_t half = (groups + 1) / 2;
  if (pipe.cta() == 0) return {0, half};
  return {half, groups - half};
}

/// Starts the copies of one stage: the tile's weights in one box, its tokens in one box per binary digit of their groups. Of a
/// pair each block brings its own weights, and half of the tokens to both.
template <class Config>
KT_DEVICE void fillStage(const PipelineView<Config>& pipe, const TileMaps& maps, const TileTask& task, const TokenPart& part,
                         uint32_t stage, uint32_t column, uint64_t weightPolicy, uint64_t tokenPolicy) {
  const uint32_t to = pipe.ring + stage * Config::kStageBytes;
  const uint32_t full = pipe.full(stage);
  ptx::arriveExpecting(full, Config::kWeightBytes + tokenGroups(task.rows) * kSwizzleBytes);
  ptx::loadBox(to, &maps.weights[task.gemm], column, task.weightRow, full, weightPolicy);
  uint32_t group = part.first;
#pragma unroll
  for (uint32_t b = kTokenBoxes; b-- > 0;) {
    if (!(part.groups >> b & 1)) continue;
    const uint32_t box = to + Config::kWeightBytes + group * kSwizzleBytes;
    const uint32_t row = task.tokenRow + group * 8;
    if constexpr (Config::kCtas == 1) {
      ptx::loadBox(box, &maps.tokens[task.gemm][b], column, row, full, tokenPolicy);
    } else {
      ptx::loadBoxToAll(box, &maps.tokens[task.gemm][b], column, row, full, 3, tokenPolicy);
    }
    group += 1u << b;
  }
}

/// Brings the maps to the copy engine before the first copy wants them. One thread.
KT_DEVICE void prefetchTileMaps(const TileMaps& maps) {
#pragma unroll 1
  for (uint32_t i = 0; i < 2; ++i) {
    ptx::prefetchMap(&maps.weights[i]);
#pragma unroll 1
    for (uint32_t b = 0; b < kTokenBoxes; ++b) ptx::prefetchMap(&maps.tokens[i][b]);
  }
}

/// The producer: one thread. Runs ahead of the consumers by the whole ring, into the next task as soon as it is known.
template <class Config, class Guard>
KT_DEVICE void runProducer(const PipelineView<Config>& pipe, const TileMaps& maps, const Guard& guard) {
  const uint64_t once = ptx::policyReadOnce();
  const uint64_t normal = ptx::policyNormal();
  const uint64_t keep = ptx::policyKeep();
  RingCursor<Config> ring;
  prefetchTileMaps(maps);
  for (TileCursor at;; ++at.count) {
    awaitShared<Config>(guard, pipe.filled(at.slot()), at.phase(), Wait::Task);
    TileTask task = pipe.words().slots[at.slot()];
    if (task.kind == TaskKind::Exit) return;
    if (task.kind == TaskKind::Tile) {
      task.weightRow += pipe.cta() * Config::kColumns;
      const TokenPart part = tokenPart(pipe, tokenGroups(task.rows));
      ptx::fenceGlobalForCopies();  // rows written by ordinary stores, ordered before this task was taken
      const uint64_t weightPolicy = task.readOnce ? once : normal;
      const uint32_t near = (task.steps - 1) * kLeadEighths / 8;
      for (uint32_t step = 0; step < task.steps; ++step) {
        awaitPhase(guard, pipe.empty(ring.stage), ring.phase ^ 1, Wait::Empty);
        fillStage(pipe, maps, task, part, ring.stage, step * kStageDepth, weightPolicy, keep);
        ring.advance();
        if (step == near) ptx::arrive(pipe.nearEnd(at.slot()));
      }
    } else {
      ptx::arrive(pipe.nearEnd(at.slot()));
    }
    pipe.arriveStored(at.slot());
  }
}

/// A consumer warpgroup, all its threads.
template <class Config, class Guard, class Other>
KT_DEVICE void runConsumer(const PipelineView<Config>& pipe, const Guard& guard, const Other& other) {
  RingCursor<Config> ring;
  bool first = true;
  for (TileCursor at;; ++at.count) {
    awaitShared<Config>(guard, pipe.filled(at.slot()), at.phase(), Wait::Task);
    const TileTask& task = pipe.words().slots[at.slot()];
    if (task.kind == TaskKind::Exit) return;
    if (ptx::thread() == kWarpgroupThreads) {
      if constexpr (kTracing) pipe.words().begunAt[at.slot()] = ptx::cycles();
      ptx::arrive(pipe.begun(at.slot()));
    }
    if (task.kind == TaskKind::Wide) other.onConsumers(task, pipe.memory + Config::kRingBytes);
    if (task.kind == TaskKind::Tile || task.kind == TaskKind::Warm) {
      float acc[Config::kAccumulators];
      ptx::leaveUndefined(acc);  // a tile's first products overwrite them
      const TileBias<Config> bias(pipe, task);
      if (task.kind == TaskKind::Tile) {
        multiplyTile<Config>(acc, pipe, ring, task, first, guard);
        first = false;
      }
      finishTile<Config>(acc, pipe, task, bias);
    }
    pipe.releaseTask(at.slot());
  }
}

/// The aides, all their threads: the tasks that are not tiles, beside the tensor work.
template <class Config, class Guard, class Other>
KT_DEVICE void runAides(const PipelineView<Config>& pipe, const Guard& guard, const Other& other) {
  for (AideCursor at;; ++at.count) {
    awaitShared<Config>(guard, pipe.filled(at.slot()), at.phase(), Wait::Task);
    const TileTask& task = pipe.words().slots[at.slot()];
    if (task.kind == TaskKind::Exit) return;
    if (ptx::thread() == kWarpgroupThreads - kAideThreads) {
      if constexpr (kTracing) pipe.words().begunAt[at.slot()] = ptx::cycles();
      ptx::arrive(pipe.begun(at.slot()));
    }
    other.onAides(task, pipe.aideMemory());
    pipe.releaseTask(at.slot());
  }
}

/// All roles: the launch of a processor block of kPipelineThreads threads. `makeSource` is called by the (leader's) clerk's
/// thread alone.
template <class Config, class MakeSource, class Guard, class Other>
KT_DEVICE void runPipeline(char* shared, const TileMaps& maps, const Guard& guard, MakeSource makeSource, const Other& other) {
  const PipelineView<Config> pipe(shared);
  openPipeline(pipe);
  const uint32_t warp = ptx::shuffle(ptx::warp(), 0);
  if (warp < kWarpgroupThreads / 32) {
    ptx::shrinkRegisters<kFeederRegisters>();
    if (warp == 0) {
      if (ptx::lane() == 0) runProducer<Config>(pipe, maps, guard);
    } else if (warp == 1) {
      if (ptx::lane() == 0 && pipe.cta() == 0) {
        auto source = makeSource();
        runClerk<Config>(pipe, source, other.activation());
      }
    } else {
      runAides<Config>(pipe, guard, other);
    }
  } else {
    ptx::growRegisters<kConsumerRegisters>();
    runConsumer<Config>(pipe, guard, other);
  }
  // A block's memory stays until the other block has made its last arrival there.
  if constexpr (Config::kCtas > 1) ptx::clusterSync();
}

}  // namespace kerneltwin
