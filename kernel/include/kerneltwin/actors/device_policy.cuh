// The policies of the protocol headers on the device.
#pragma once

#include "kerneltwin/actors/control.cuh"
#include "kerneltwin/ptx/clock.cuh"
#include "kerneltwin/ptx/memory.cuh"
#include "kerneltwin/ptx/vector.cuh"
#include "kerneltwin/ptx/warp.cuh"

namespace kerneltwin {

/// Polls between two looks at the abort word and the clock: 64 polls of a word in L2 take about 20 us, which is
/// how late an abort is noticed and how rarely a spin pays for it.
inline constexpr uint32_t kPollsPerCheck = 64;

/// Memory policy: one object per acting thread. Only addresses: what a spin needs to give up lies in shared memory, so
/// that it costs the GEMM no registers.
struct DeviceMemory {
  AbortWords* words;
  const SpinState* self;

  template <Order O, Scope S, class T>
  KT_DEVICE T load(const T* word) const { return ptx::load<O, S>(word); }

  template <Order O, Scope S, class T>
  KT_DEVICE void store(T* word, T value) const { ptx::store<O, S>(word, value); }

  template <Order O, Scope S, class T>
  KT_DEVICE T add(T* word, T value) const { return ptx::add<O, S>(word, value); }

  template <Order O, Scope S, class T>
  KT_DEVICE T fetchOr(T* word, T bits) const { return ptx::fetchOr<O, S>(word, bits); }

  template <Order O, Scope S>
  KT_DEVICE void fence() const { ptx::fence<O, S>(); }

  KT_DEVICE AbortCode abortCode() const {
    return static_cast<AbortCode>(ptx::load<Order::Relaxed, Scope::Device>(&words->code));
  }

  /// The first to fail names itself; later failures keep quiet.
  KT_DEVICE void fail(AbortCode code) const {
    if (ptx::claim(&words->code, static_cast<uint32_t>(code)) != 0) return;
    words->actor = self->actor;
    words->site = static_cast<uint32_t>(self->site);
  }

  KT_DEVICE bool aborted() const {
    if (abortCode() != AbortCode::None) return true;
    if (ptx::globalTimer() < self->deadline) return false;
    fail(AbortCode::Deadline);
    return true;
  }

  template <class Poll>
  KT_DEVICE bool spin(Poll poll) const {
    for (uint32_t polls = 1;; ++polls) {
      if (poll()) return true;
      if (polls % kPollsPerCheck == 0 && aborted()) return false;
    }
  }
};

/// Warp policy: a lane runs its own part, a variable is a register.
struct DeviceWarp {
  uint32_t lane = ptx::lane();

  template <class T>
  struct Var {
    T value;
    KT_DEVICE T& operator[](uint32_t) { return value; }
    KT_DEVICE const T& operator[](uint32_t) const { return value; }
  };

  template <class F>
  KT_DEVICE void each(F f) const { f(lane); }

  template <class F>
  KT_DEVICE uint32_t ballot(F f) const {
    const bool vote = f(lane);
    ptx::syncWarp();
    return ptx::ballot(vote);
  }

  template <class T>
  KT_DEVICE T exclusiveScan(Var<T>& v) const {
    const T own = v.value;
    T sum = own;
#pragma unroll
    for (uint32_t distance = 1; distance < kLanes; distance *= 2) {
      const T below = ptx::shuffleUp(sum, distance);
      if (lane >= distance) sum += below;
    }
    v.value = sum - own;
    return ptx::shuffle(sum, kLanes - 1);
  }

  /// T is a multiple of four bytes.
  template <class T>
  KT_DEVICE T broadcast(const Var<T>& v, uint32_t source) const {
    static_assert(sizeof(T) % 4 == 0);
    struct Words {
      uint32_t w[sizeof(T) / 4];
    };
    Words words = __builtin_bit_cast(Words, v.value);
#pragma unroll
    for (uint32_t i = 0; i < sizeof(T) / 4; ++i) words.w[i] = ptx::shuffle(words.w[i], source);
    return __builtin_bit_cast(T, words);
  }

  template <class T>
  KT_DEVICE void gather(Var<T>& out, const Var<T>& v, const Var<uint32_t>& from) const {
    out.value = broadcast(v, from.value);  // a shuffle takes its source per lane
  }

  KT_DEVICE void sync() const { ptx::syncWarp(); }

  /// Each poll is a whole sweep, so the abort word is looked at more often than in a single thread's spin.
  template <class M, class Poll>
  KT_DEVICE bool spin(M& mem, Poll poll) const {
    for (uint32_t polls = 1;; ++polls) {
      if (poll()) return true;
      if (polls % 16 == 0 && ptx::ballot(mem.aborted()) != 0) return false;
    }
  }
};

/// Block policy: thread 0 leads; the task lies in the control page.
struct DeviceBlock {
  KT_DEVICE bool leader() const { return ptx::thread() == 0; }
  KT_DEVICE void sync() const { ptx::syncBlock(); }
  KT_DEVICE PickedTask& job() const { return control().job; }
};

}  // namespace kerneltwin
