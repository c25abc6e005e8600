// Which task goes to which processor: the scheduler's books and the policies over them, chosen at launch by name.
//
// The books: the waiting tasks of each class, one by one, so that dealing them is one load a lane; and the free processors. Their
// counters are the same in all lanes and stay in registers: a sweep is a chain of instructions of one warp, 0.85 us a batch on
// an H200 (traced) when the counters lay in shared memory and tasks were dealt from ranges, 0.43 now.
#pragma once

#include <cstdint>

#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

/// Order of placements. Every one is work-conserving: as long as a task and a processor are in the books, it places.
enum class Scheduling : uint32_t {
  Fifo = 0,        ///< tasks in the order their entries are found
  Gemm1First = 1,  ///< GEMM1, then COMBINE, then GEMM0: an expert's intermediate rows are read while they are in L2
  Interleave = 2,  ///< GEMM1 before GEMM0, but for the last waves of GEMM0; between two tiles a processor gets a COMBINE, which runs
                   ///< beside the tile it waits for
};

/// Classes of tasks with a backlog of their own, numbered as Op.
inline constexpr uint32_t kTaskClasses = 3;
/// Lists of free processors: those that may take any task, and those that a tile is due (Scheduling::Interleave).
inline constexpr uint32_t kReadyLists = 2;

/// What lies in a ring of the books: [head, tail), both counting on and on.
struct RingSpan {
  uint32_t head = 0;
  uint32_t tail = 0;

  KT_HD uint32_t count() const { return tail - head; }
};

/// The scheduler's running state: the same in all lanes.
struct SchedulerRun {
  RingSpan backlog[kTaskClasses];
  RingSpan ready[kReadyLists];
  uint32_t scheduled = 0;
  uint32_t emptySweeps = 0;
};

/// One of a few counters in registers: an index known only at run time would put the array into memory.
template <uint32_t N>
KT_HD RingSpan spanOf(const RingSpan (&spans)[N], uint32_t which) {
  RingSpan span = spans[0];
  KT_UNROLL
  for (uint32_t i = 1; i < N; ++i) {
    if (i == which) span = spans[i];
  }
  return span;
}

/// One kind of placement: tasks of a class on processors of a list.
struct Pairing {
  uint32_t backlog;
  uint32_t list;
  uint32_t most;  ///< placements it allows now; zero: nothing can be placed
};

/// GEMM0 tasks a processor that Interleave does not put off: the last waves of GEMM0 come first, so that the end of a launch has
/// tiles that wait for nothing instead of the chain of both GEMMs of the last experts.
inline constexpr uint32_t kLastWaves = 2;

/// What to place next.
KT_HD Pairing nextPairing(Scheduling scheduling, const SchedulerRun& run, uint32_t processors) {
  const uint32_t open = run.ready[0].count();
  const uint32_t due = run.ready[1].count();
  const uint32_t gemm0 = run.backlog[0].count();
  const uint32_t gemm1 = run.backlog[1].count();
  const uint32_t combine = run.backlog[2].count();
  const auto pairing = [](uint32_t backlog, uint32_t tasks, uint32_t list, uint32_t free) -> Pairing {
    return {backlog, list, tasks < free ? tasks : free};
  };
  if (scheduling == Scheduling::Interleave) {
    if (combine > 0 && open > 0) return pairing(2, combine, 0, open);
    if (gemm1 > 0 && (gemm0 == 0 || gemm0 > kLastWaves * processors)) {
      return due > 0 ? pairing(1, gemm1, 1, due) : pairing(1, gemm1, 0, open);
    }
    if (gemm0 > 0) return due > 0 ? pairing(0, gemm0, 1, due) : pairing(0, gemm0, 0, open);
    return pairing(2, combine, 1, due);
  }
  if (gemm1 > 0) return pairing(1, gemm1, 0, open);
  if (combine > 0) return pairing(2, combine, 0, open);
  return pairing(0, gemm0, 0, open);
}

}  // namespace kerneltwin
