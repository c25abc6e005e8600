// Litmus shapes: the smallest exchanges that the protocol's correctness rests on, made of the protocol headers' own calls.
// The host explorer runs them exhaustively (binding/src/explorer/litmus.cc), a GPU runs them as stress tests
// (kernel/tests/litmus.cu); docs/reference/litmus.md says which ordering each relies on.
//
// `M` is a memory policy with two more calls for payload: `void put(uint32_t*, uint32_t)` and `uint32_t get(const uint32_t*)`,
// plain accesses. A thread returns true when it has seen what must never be seen. Every word is zero at the start.
#pragma once

#include "kerneltwin/protocol/arrival.h"
#include "kerneltwin/protocol/bound.h"
#include "kerneltwin/protocol/doorbell.h"
#include "kerneltwin/protocol/queue.h"

namespace kerneltwin::litmus {

inline constexpr uint32_t kMaxThreads = 4;
inline constexpr uint32_t kWide = 48;    ///< 64-bit words of a shape; three doorbells' worth
inline constexpr uint32_t kNarrow = 4;   ///< 32-bit words
inline constexpr uint32_t kPlain = 2;    ///< payload words

/// The words of one instance of a shape.
struct Words {
  uint64_t* wide;      ///< [0, 16) a doorbell, 16 a flag, 17 and on a queue's ring, 24 a barrier
  uint32_t* narrow;
  uint32_t* plain;
};

/// Where a thread of a shape runs: which rank (another GPU or process), which block of it.
struct Seat {
  uint8_t rank;
  uint8_t block;
};

enum class Shape : uint32_t {
  Signal, CellArrival, TaskChain, RowBlock, Mailbox, Barrier, FlagReset, TokenArrival, Bound, OsBlock
};
inline constexpr uint32_t kShapes = 10;

struct ShapeInfo {
  const char* name;
  uint32_t threads;
  Seat seats[kMaxThreads];
};

/// Seats as in the kernel: the last block of a rank is its OS block.
inline constexpr ShapeInfo kShapeInfo[kShapes] = {
    {"signal", 2, {{0, 0}, {1, 0}}},
    {"cell-arrival", 3, {{0, 0}, {0, 1}, {1, 0}}},
    {"task-chain", 4, {{0, 0}, {1, 1}, {1, 1}, {1, 0}}},
    {"row-block", 4, {{0, 0}, {0, 1}, {0, 3}, {0, 2}}},
    {"mailbox", 2, {{0, 1}, {0, 0}}},
    {"barrier", 2, {{0, 0}, {0, 1}}},
    {"flag-reset", 2, {{0, 0}, {1, 0}}},
    {"token-arrival", 2, {{0, 0}, {0, 1}}},
    {"bound", 3, {{0, 0}, {0, 0}, {0, 0}}},
    {"os-block", 2, {{0, 0}, {0, 0}}},
};

inline constexpr uint32_t kFlag = 16;
inline constexpr uint32_t kRing = 17;
inline constexpr uint32_t kBarrierWord = 24;

/// A subscriber's poll of one flag: relaxed loads, one acquire fence when it is there.
template <class M>
KT_HD void awaitFlag(M& mem, const Words& w, uint64_t value) {
  mem.spin([&] { return mem.template load<Order::Relaxed, Scope::System>(&w.wide[kFlag]) == value; });
  mem.template fence<Order::Acquire, Scope::System>();
}

template <class M>
KT_HD void raiseFlag(M& mem, const Words& w, uint64_t value) {
  mem.template store<Order::Release, Scope::System>(&w.wide[kFlag], value);
}

/// Payload, then its signal; the reader of the signal sees the payload.
template <class M>
KT_HD bool signal(M& mem, const Words& w, uint32_t thread) {
  if (thread == 0) {
    mem.put(&w.plain[0], 1);
    raiseFlag(mem, w, 1);
    return false;
  }
  awaitFlag(mem, w, 1);
  return mem.get(&w.plain[0]) != 1;
}

/// Two blocks put rows of one cell; the last to arrive signals for both, behind its fence.
template <class M>
KT_HD bool cellArrival(M& mem, const Words& w, uint32_t thread) {
  if (thread < 2) {
    mem.put(&w.plain[thread], 1);
    releaseArrivals(mem);
    if (arriveFenced(mem, &w.narrow[0], 1u) == 0) return false;
    passOnArrivals(mem);
    mem.template store<Order::Relaxed, Scope::System>(&w.wide[kFlag], static_cast<uint64_t>(1));
    return false;
  }
  awaitFlag(mem, w, 1);
  return mem.get(&w.plain[0]) != 1 || mem.get(&w.plain[1]) != 1;
}

/// Peer, subscriber, scheduler, processor: what the peer wrote reaches the processor over three hand-overs.
template <class M>
KT_HD bool taskChain(M& mem, const Words& w, uint32_t thread) {
  const SubscriberQueue queue{w.wide + kRing, 0};
  const Mailboxes boxes{w.wide, w.narrow};
  if (thread == 0) {
    mem.put(&w.plain[0], 1);
    raiseFlag(mem, w, 1);
  } else if (thread == 1) {
    awaitFlag(mem, w, 1);
    queue.publish(mem, 0, 7, 1);
  } else if (thread == 2) {
    QueueEntry entry = {};
    mem.spin([&] {
      entry = unpackEntry(queue.look(mem, 0));
      return entry.tag == queueTag(0);
    });
    fenceHand(mem);
    ringFenced(mem, boxes, 0, {entry.first, 1, false});
  } else {
    Doorbell bell = {};
    awaitDoorbell(mem, boxes, 0, 0, bell);
    return bell.task != 7 || mem.get(&w.plain[0]) != 1;
  }
  return false;
}

/// Two GEMM0 tiles; the last to finish publishes the row block's GEMM1 tasks, and who executes one sees both tiles.
template <class M>
KT_HD bool rowBlock(M& mem, const Words& w, uint32_t thread) {
  const ProcessorQueue queue{w.wide + kRing, 0};
  const Mailboxes boxes{w.wide, w.narrow + 1};
  if (thread < 2) {
    mem.put(&w.plain[thread], 1);
    if (arrive<Scope::Device>(mem, &w.narrow[0], 1u, 2u) == 1) queue.publish(mem, 0, 7, 1);
  } else if (thread == 2) {
    QueueEntry entry = {};
    mem.spin([&] {
      entry = unpackEntry(queue.look(mem, 0));
      return entry.tag == queueTag(0);
    });
    fenceHand(mem);
    ringFenced(mem, boxes, 0, {entry.first, 1, false});
  } else {
    Doorbell bell = {};
    awaitDoorbell(mem, boxes, 0, 0, bell);
    return mem.get(&w.plain[0]) != 1 || mem.get(&w.plain[1]) != 1;
  }
  return false;
}

/// A doorbell is overwritten only after it was taken: the processor takes both, in order.
template <class M>
KT_HD bool mailbox(M& mem, const Words& w, uint32_t thread) {
  const Mailboxes boxes{w.wide, w.narrow};
  if (thread == 0) {
    ringDoorbell(mem, boxes, 0, {5, 1, false});
    mem.spin([&] { return readStatus(mem, boxes, 0) == 1; });
    ringDoorbell(mem, boxes, 0, {6, 2, false});
    return false;
  }
  Doorbell first = {};
  Doorbell second = {};
  awaitDoorbell(mem, boxes, 0, 0, first);
  publishStatus(mem, boxes, 0, first.sequence);
  awaitDoorbell(mem, boxes, 0, first.sequence, second);
  return first.task != 5 || first.sequence != 1 || second.task != 6 || second.sequence != 2;
}

/// What a block wrote before the rank's barrier every block sees after it.
template <class M>
KT_HD bool barrier(M& mem, const Words& w, uint32_t thread) {
  mem.put(&w.plain[thread], 1);
  arriveBarrier(mem, &w.wide[kBarrierWord]);
  awaitBarrier(mem, &w.wide[kBarrierWord], barrierTarget(2, 1, 0, 0));
  return mem.get(&w.plain[1 - thread]) != 1;
}

/// A combine flag is set back to ground by its reader; its next signal, ordered after the reader's next dispatch, is neither
/// lost under the reset nor taken for the old one.
template <class M>
KT_HD bool flagReset(M& mem, const Words& w, uint32_t thread) {
  uint64_t* dispatched = &w.wide[kRing];
  if (thread == 0) {
    awaitFlag(mem, w, 1);
    mem.template store<Order::Relaxed, Scope::System>(&w.wide[kFlag], static_cast<uint64_t>(0));
    mem.template store<Order::Release, Scope::System>(dispatched, static_cast<uint64_t>(1));
    uint64_t next = 0;
    mem.spin([&] { return (next = mem.template load<Order::Relaxed, Scope::System>(&w.wide[kFlag])) != 0; });
    return next != 2;
  }
  raiseFlag(mem, w, 1);
  mem.spin([&] { return mem.template load<Order::Acquire, Scope::System>(dispatched) == 1; });
  raiseFlag(mem, w, 2);
  return false;
}

/// Two tiles of one token; who completes it sums both.
template <class M>
KT_HD bool tokenArrival(M& mem, const Words& w, uint32_t thread) {
  mem.put(&w.plain[thread], 1);
  if (arrive<Scope::Device>(mem, &w.narrow[0], 1u, 2u) != 1) return false;
  return mem.get(&w.plain[0]) != 1 || mem.get(&w.plain[1]) != 1;
}

/// Two subscribers see signals of one peer: its surplus is subtracted once, and the scheduler meets the exact bound.
template <class M>
KT_HD bool bound(M& mem, const Words& w, uint32_t thread) {
  const kerneltwin::Shape s{1, 1, 1, 8, 64, 64, 1, 8, 8, 64};
  const BoundWords words{&w.narrow[0], &w.narrow[1]};
  if (thread < 2) {
    uint32_t after = 0;
    // Of two tasks at most, one row block makes two: a surplus of none; no row block makes a surplus of two.
    if (correctBound(mem, words, s, 1, 0, 0, after)) {
      mem.template add<Order::Relaxed, Scope::Block>(&w.narrow[2], 1u);
      return after != 0u - fullPeerTasks(s, 1);
    }
    return false;
  }
  mem.spin([&] { return mem.template load<Order::Relaxed, Scope::Block>(words.bound) == 0u - fullPeerTasks(s, 1); });
  return mem.template load<Order::Relaxed, Scope::Block>(&w.narrow[2]) > 1;
}

/// The OS block's set-up, then its release: no other warp of it sees the words as the last launch left them.
template <class M>
KT_HD bool osBlock(M& mem, const Words& w, uint32_t thread) {
  if (thread == 0) {
    mem.template store<Order::Relaxed, Scope::Block>(&w.narrow[0], 12u);
    mem.template store<Order::Release, Scope::Block>(&w.narrow[1], 1u);
    return false;
  }
  mem.spin([&] { return mem.template load<Order::Acquire, Scope::Block>(&w.narrow[1]) == 1; });
  return mem.template load<Order::Relaxed, Scope::Block>(&w.narrow[0]) != 12;
}

/// Runs thread `thread` of a shape; true: a forbidden outcome.
template <class M>
KT_HD bool run(M& mem, Shape shape, const Words& w, uint32_t thread) {
  switch (shape) {
    case Shape::Signal: return signal(mem, w, thread);
    case Shape::CellArrival: return cellArrival(mem, w, thread);
    case Shape::TaskChain: return taskChain(mem, w, thread);
    case Shape::RowBlock: return rowBlock(mem, w, thread);
    case Shape::Mailbox: return mailbox(mem, w, thread);
    case Shape::Barrier: return barrier(mem, w, thread);
    case Shape::FlagReset: return flagReset(mem, w, thread);
    case Shape::TokenArrival: return tokenArrival(mem, w, thread);
    case Shape::Bound: return bound(mem, w, thread);
    case Shape::OsBlock: return osBlock(mem, w, thread);
  }
  return true;
}

}  // namespace kerneltwin::litmus
