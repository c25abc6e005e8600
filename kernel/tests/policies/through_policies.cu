// The protocol headers through the device's policies, a kernel each: the one half of the comparison. by_hand.cu has a kernel of
// every name here. Arguments are plain data, the same for both.
#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/actors/transport_direct.cuh"
#include "kerneltwin/protocol/processor.h"
#include "kerneltwin/protocol/scheduler.h"
#include "kerneltwin/protocol/send.h"
#include "kerneltwin/protocol/subscriber.h"
#include "no_trace.cuh"

using namespace kerneltwin;

extern "C" {

__global__ void ringDoorbell(Patience p, Mailboxes box, uint32_t processor, Doorbell bell) {
  DeviceMemory mem{p.words, p.self};
  kerneltwin::ringDoorbell(mem, box, processor, bell);
}

__global__ void ringFenced(Patience p, Mailboxes box, uint32_t processor, Doorbell bell) {
  DeviceMemory mem{p.words, p.self};
  kerneltwin::ringFenced(mem, box, processor, bell);
}

__global__ void awaitDoorbell(Patience p, Mailboxes box, uint32_t processor, uint32_t last, Doorbell* out) {
  DeviceMemory mem{p.words, p.self};
  Doorbell bell;
  if (kerneltwin::awaitDoorbell(mem, box, processor, last, bell)) *out = bell;
}

__global__ void publishStatus(Patience p, Mailboxes box, uint32_t processor, uint32_t sequence) {
  DeviceMemory mem{p.words, p.self};
  kerneltwin::publishStatus(mem, box, processor, sequence);
}

__global__ void pushTasks(Patience p, ProcessorQueue queue, uint32_t ticket, uint32_t first, uint32_t count) {
  DeviceMemory mem{p.words, p.self};
  queue.publish(mem, ticket, first, count);
}

__global__ void lookForTasks(Patience p, SubscriberQueue queue, uint32_t ticket, QueueEntry* out) {
  DeviceMemory mem{p.words, p.self};
  const QueueEntry entry = unpackEntry(queue.look(mem, ticket));
  if (entry.tag == queueTag(ticket)) *out = entry;
}

__global__ void arriveCounter(Patience p, uint32_t* counter, uint32_t amount, uint32_t total, uint32_t* before) {
  DeviceMemory mem{p.words, p.self};
  *before = arrive<Scope::Device>(mem, counter, amount, total);
}

__global__ void rankBarrier(Patience p, uint64_t* counter, uint64_t target, uint32_t* ok) {
  DeviceMemory mem{p.words, p.self};
  arriveBarrier(mem, counter);
  *ok = awaitBarrier(mem, counter, target);
}

__global__ void subtractSurplus(Patience p, BoundWords words, Shape s, uint32_t local, uint32_t peer, uint32_t rowTiles,
                                uint32_t* after) {
  DeviceMemory mem{p.words, p.self};
  uint32_t bound;
  if (correctBound(mem, words, s, local, peer, rowTiles, bound)) *after = bound;
}

__global__ void signalTileDone(Patience p, __grid_constant__ const LaunchArgs args, Task task, uint32_t rows) {
  DeviceMemory mem{p.words, p.self};
  DirectTransport transport(args);
  NoTrace trace;
  signalTile(mem, transport, trace, args.shape, Placement{args.placement, args.shape.ranks}, args.rank, args.epoch, task,
             rows);
}

__global__ void arriveAtCells(Patience p, __grid_constant__ const LaunchArgs args, DispatchState st, const RowSpan* put,
                              uint32_t* sum) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  DirectTransport transport(args);
  NoTrace trace;
  *sum = arriveCells(mem, warp, transport, trace, st, [&](uint32_t e) { return put[e]; });
}

__global__ void takeFlight(Patience p, SchedulerState st, SchedulerRun* run) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  NoTrace trace;
  Flight<DeviceWarp> flight;
  SchedulerRun r = *run;
  launchFlight(mem, warp, st, r, flight);
  takeStatus(mem, warp, trace, st, r, flight);
  if (flight.hand) takeHand(mem, warp, st, r, flight);
  *run = r;
}

__global__ void placeTasks(Patience p, SchedulerState st, SchedulerRun* run, uint32_t* placed) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  NoTrace trace;
  SchedulerRun r = *run;
  *placed = kerneltwin::placeTasks(mem, warp, trace, st, r);
  *run = r;
}

__global__ void scheduler(Patience p, SchedulerState st) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  NoTrace trace;
  runScheduler(mem, warp, trace, st);
}

__global__ void pollFlags(Patience p, SubscriberState st, uint32_t chunk, uint32_t* ticket) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  NoTrace trace;
  pollChunks(mem, warp, trace, st, chunk);
  *ticket = st.ticket;
}

__global__ void subscriber(Patience p, SubscriberState st, uint32_t* ticket) {
  DeviceMemory mem{p.words, p.self};
  DeviceWarp warp;
  NoTrace trace;
  watchDispatch(warp, st);
  runSubscriber(mem, warp, trace, st);
  *ticket = st.ticket;
}

__global__ void processor(Patience p, ProcessorState st) {
  DeviceMemory mem{p.words, p.self};
  DeviceBlock block;
  NoTrace trace;
  runProcessor(mem, block, trace, st, work);
}

}  // extern "C"
