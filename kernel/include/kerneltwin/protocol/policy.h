// The two policies every protocol header is written against, so that one source runs in the kernel and under the
// host explorer.
//
// Memory policy `M` (one object per acting thread):
//   template <Order, Scope, class T> T    load(const T* word)
//   template <Order, Scope, class T> void store(T* word, T value)
//   template <Order, Scope, class T> T    add(T* word, T value)        returns the value before
//   template <Order, Scope, class T> T    fetchOr(T* word, T bits)     returns the value before
//   template <Order, Scope> void          fence()                      Acquire: after relaxed loads; Release: before stores
//   template <class Poll> bool            spin(Poll poll)              one thread polls until true; false: aborted
//   bool                                  aborted()                    abort word set or deadline passed
//   AbortCode                             abortCode()
//   void                                  fail(AbortCode)              aborts the launch for all actors of the rank
// `T` is uint32_t or uint64_t. On the device each is one PTX instruction with that order and scope (`ld.acquire.sys`,
// `atom.add.acq_rel.gpu`, ...); the host policy gives each the meaning of the PTX model.
//
// Warp policy `W` (one object per warp; calls are made by all lanes together):
//   template <class T> struct Var         one T a lane: `v[lane]`
//   void each(F)                          F(lane) for every lane; on the device each lane runs its own
//   uint32_t ballot(F)                    bit l = F(l), the same value in all lanes
//   T exclusiveScan(Var<T>& v)            v becomes its exclusive prefix sum; returns the total; T: uint32_t or uint64_t
//   T broadcast(const Var<T>&, lane)      the value of one lane, in all lanes
//   void gather(Var<T>& out, const Var<T>& v, const Var<uint32_t>& from)   out[lane] = v[from[lane]]
//   void sync()                           orders the warp's accesses to memory its lanes share
//   bool spin(M&, Poll)                   all lanes poll until the (uniform) result is true; false: aborted, uniformly
//
// Trace policy `T`: void record(EventKind, aux, a, b), by any lane of the acting warp; a lane's records keep their order.
// `Stamp stamp()` takes the time now and `recordAt(stamp, kind, aux, a, b)` records under it: an event that others may react to
// is stamped before the store or RMW that publishes it. `bool off()`: no record of this launch is kept, so steps that only
// records need can be left out. A policy that does nothing compiles to nothing.
#pragma once

#include <cstdint>

#include "kerneltwin/layout/bits.h"
#include "kerneltwin/layout/packet.h"
#include "kerneltwin/trace/record.h"

namespace kerneltwin {

enum class Order { Relaxed, Acquire, Release, AcqRel };

/// Block: threads of one thread block; Device: one GPU; System: other GPUs and their ranks.
enum class Scope { Block, Device, System };

inline constexpr uint32_t kLanes = 32;

}  // namespace kerneltwin
