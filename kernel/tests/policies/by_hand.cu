// What one would write by hand: the same work as through_policies.cu, kernel by kernel, with plain PTX and CUDA's warp functions
// and no policy. The data's formats (layout/) are shared: they are not what is compared.
#include "kerneltwin/layout/heap.h"
#include "kerneltwin/protocol/processor.h"
#include "kerneltwin/protocol/send.h"
#include "by_hand_os.cuh"

namespace by_hand {

/// Waits for a doorbell other than `last`.
HAND bool await(const Patience& patience, const Mailboxes& box, uint32_t processor, uint32_t last, Doorbell& bell) {
  for (uint32_t polls = 1;; ++polls) {
    bell = unpackDoorbell(loadAcquireGpu(&box.doorbells[processor * kDoorbellStride]));
    if (bell.sequence != last) return true;
    if (polls % 64 == 0 && givesUp(patience)) return false;
  }
}

HAND uint32_t arriveAt(uint32_t* counter, uint32_t amount, uint32_t total) {
  const uint32_t before = addAcqRelGpu(counter, amount);
  if (before + amount == total) storeRelaxedGpu(counter, 0);
  return before;
}

HAND void push(uint64_t* ring, uint32_t mask, uint32_t ticket, uint32_t first, uint32_t count) {
  storeReleaseGpu(&ring[ticket & mask], packEntry({queueTag(ticket), first, count}));
}

HAND void signalOne(const LaunchArgs& args, const DispatchState& st, uint32_t expert) {
  const ExpertHome home = st.placement.home(expert);
  const uint64_t word = packSignal({epochState(st.epoch), st.ownRows[expert], st.rowTilesTo[home.rank]});
  storeRelaxedSys(&args.symmetric.peerFlags[home.rank][st.rank * st.shape.slots + home.slot], word);
}

HAND uint32_t rowsOf(const ProcessorState& st, const Task& task) {
  if (task.op == Op::Combine) return st.ownRows[task.expert];
  return unpackSignal(loadRelaxedSys(&st.flags[dispatchFlag(st.shape, task.peer, task.expert)])).rows;
}

HAND void finish(const ProcessorState& st, const Task& task) {
  const Shape& s = st.shape;
  const uint32_t cols = gemm0Cols(s);
  const uint32_t before = arriveAt(&st.rowBlockArrivals[rowBlockIndex(s, task.expert, task.peer, task.block)], 1, cols);
  if (before + 1 != cols) return;
  const uint32_t ticket = addRelaxedGpu(st.queueTail, 1);
  push(st.queue.ring, st.queue.mask, ticket, gemm1Task(s, task.expert, task.peer, task.block, 0), gemm1Cols(s));
}

HAND void process(const Patience& patience, const ProcessorState& st) {
  extern __shared__ __align__(128) char memory[];
  PickedTask& job = reinterpret_cast<Control*>(memory)->job;
  uint32_t* status = &st.mailboxes.status[st.index];
  if (threadIdx.x == 0) {
    job.bell.sequence = loadRelaxedGpu(status);
    if (!st.eager) {
      job.bell.sequence = nextSequence(job.bell.sequence);
      storeReleaseGpu(status, job.bell.sequence);
    }
  }
  for (;;) {
    if (threadIdx.x == 0) {
      Doorbell bell;
      if (!await(patience, st.mailboxes, st.index, job.bell.sequence, bell)) bell.exit = true;
      if (!bell.exit) {
        if (st.eager) storeReleaseGpu(status, bell.sequence);
        job.rows = rowsOf(st, decodeTask(st.shape, bell.task));
      }
      job.bell = bell;
    }
    __syncthreads();
    if (job.bell.exit) break;
    work(decodeTask(st.shape, job.bell.task), job.bell.task, job.rows);
    __syncthreads();
    if (threadIdx.x == 0) {
      const Task task = decodeTask(st.shape, job.bell.task);
      if (task.op == Op::Gemm0) finish(st, task);
      if (!st.eager) storeReleaseGpu(status, job.bell.sequence);
    }
  }
  if (threadIdx.x == 0 && st.eager) storeReleaseGpu(status, job.bell.sequence);
}

}  // namespace by_hand

using namespace kerneltwin;

extern "C" {

__global__ void ringDoorbell(Patience, Mailboxes box, uint32_t processor, Doorbell bell) {
  by_hand::storeReleaseGpu(&box.doorbells[processor * kDoorbellStride], packDoorbell(bell));
}

__global__ void ringFenced(Patience, Mailboxes box, uint32_t processor, Doorbell bell) {
  by_hand::storeRelaxedGpu(&box.doorbells[processor * kDoorbellStride], packDoorbell(bell));
}

__global__ void awaitDoorbell(Patience p, Mailboxes box, uint32_t processor, uint32_t last, Doorbell* out) {
  Doorbell bell;
  if (by_hand::await(p, box, processor, last, bell)) *out = bell;
}

__global__ void publishStatus(Patience, Mailboxes box, uint32_t processor, uint32_t sequence) {
  by_hand::storeReleaseGpu(&box.status[processor], sequence);
}

__global__ void pushTasks(Patience, ProcessorQueue queue, uint32_t ticket, uint32_t first, uint32_t count) {
  by_hand::push(queue.ring, queue.mask, ticket, first, count);
}

__global__ void lookForTasks(Patience, SubscriberQueue queue, uint32_t ticket, QueueEntry* out) {
  const QueueEntry entry = unpackEntry(by_hand::loadRelaxedCta(&queue.ring[ticket & queue.mask]));
  if (entry.tag == queueTag(ticket)) *out = entry;
}

__global__ void arriveCounter(Patience, uint32_t* counter, uint32_t amount, uint32_t total, uint32_t* before) {
  *before = by_hand::arriveAt(counter, amount, total);
}

__global__ void rankBarrier(Patience p, uint64_t* counter, uint64_t target, uint32_t* ok) {
  by_hand::addAcqRelGpu(counter, 1);
  for (uint32_t polls = 1;; ++polls) {
    if (by_hand::loadAcquireGpu(counter) >= target) break;
    if (polls % 64 == 0 && by_hand::givesUp(p)) {
      *ok = 0;
      return;
    }
  }
  *ok = 1;
}

__global__ void subtractSurplus(Patience, BoundWords words, Shape s, uint32_t local, uint32_t peer, uint32_t rowTiles,
                                uint32_t* after) {
  const uint32_t bit = 1u << peer % 32;
  if (by_hand::orRelaxedCta(&words.corrected[peer / 32], bit) & bit) return;
  const uint32_t surplus = fullPeerTasks(s, local) - rowTiles * tasksPerRowBlock(s);
  *after = by_hand::addRelaxedCta(words.bound, 0u - surplus) - surplus;
}

__global__ void signalTileDone(Patience, __grid_constant__ const LaunchArgs args, Task task, uint32_t rows) {
  const uint32_t expert = args.placement[args.rank] + task.expert;
  const uint64_t word = packSignal({epochState(args.epoch), rowSpan(args.shape, rows, task.block).count, 0});
  by_hand::storeReleaseSys(&args.symmetric.peerFlags[task.peer][combineFlag(args.shape, expert, task.block, task.col)], word);
}

__global__ void arriveAtCells(Patience, __grid_constant__ const LaunchArgs args, DispatchState st, const RowSpan* put,
                              uint32_t* sum) {
  const uint32_t experts = st.shape.experts;
  uint32_t mine = 0;
  for (uint32_t base = 0; base < experts; base += 4 * 32) {
    const uint32_t first = base + by_hand::lane();
    uint32_t rows[4], before[4];
    uint32_t here = 0;
#pragma unroll
    for (uint32_t g = 0; g < 4; ++g) {
      const uint32_t e = first + g * 32;
      rows[g] = e < experts ? put[e].count : 0;
      here += rows[g];
    }
    mine += here;
    if (!__any_sync(~0u, here > 0)) continue;
    by_hand::fenceGpu();
#pragma unroll
    for (uint32_t g = 0; g < 4; ++g) {
      if (rows[g] > 0) before[g] = by_hand::addRelaxedGpu(&st.cellArrivals[first + g * 32], rows[g]);
    }
    uint32_t complete = 0;
#pragma unroll
    for (uint32_t g = 0; g < 4; ++g) {
      if (rows[g] > 0 && before[g] + rows[g] == st.ownRows[first + g * 32]) complete |= 1u << g;
    }
    if (__any_sync(~0u, complete > 0)) {
      by_hand::fenceSys();
      for (; complete != 0; complete &= complete - 1) {
        const uint32_t e = first + (__ffs(complete) - 1) * 32;
        by_hand::signalOne(args, st, e);
        by_hand::storeRelaxedGpu(&st.cellArrivals[e], 0);
      }
    }
    __syncwarp();
  }
  for (uint32_t e = st.index + by_hand::lane() * st.processors; e < experts; e += 32 * st.processors) {
    if (st.ownRows[e] == 0) by_hand::signalOne(args, st, e);
  }
  __syncwarp();
  *sum = by_hand::scan(mine);
}

__global__ void takeFlight(Patience, SchedulerState st, SchedulerRun* run) {
  by_hand::Loads loads;
  SchedulerRun r = *run;
  by_hand::load(st, r, loads);
  by_hand::takeStatus(st, r, loads);
  if (loads.hand) by_hand::takeHand(st, r, loads);
  *run = r;
}

__global__ void placeTasks(Patience, SchedulerState st, SchedulerRun* run, uint32_t* placed) {
  SchedulerRun r = *run;
  *placed = by_hand::placeAll(st, r);
  *run = r;
}

__global__ void scheduler(Patience p, SchedulerState st) { by_hand::schedule(p, st); }

__global__ void pollFlags(Patience p, SubscriberState st, uint32_t chunk, uint32_t* ticket) {
  by_hand::poll(p, st, chunk);
  *ticket = st.ticket;
}

__global__ void subscriber(Patience p, SubscriberState st, uint32_t* ticket) {
  by_hand::subscribe(p, st);
  *ticket = st.ticket;
}

__global__ void processor(Patience p, ProcessorState st) { by_hand::process(p, st); }

}  // extern "C"
