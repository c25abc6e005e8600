// Memory and waiting as one writes them without policies: one line of PTX where an order is meant, CUDA's own words elsewhere.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "no_trace.cuh"

namespace by_hand {

using namespace kerneltwin;

#define HAND __device__ __forceinline__
#define HAND_LOAD(name, order, type, width, reg)                                                     \
  HAND type name(const type* p) {                                                                    \
    type v;                                                                                          \
    asm volatile("ld." order "." width " %0, [%1];" : "=" reg(v) : "l"(p) : "memory");               \
    return v;                                                                                        \
  }
#define HAND_STORE(name, order, type, width, reg)                                                    \
  HAND void name(type* p, type v) { asm volatile("st." order "." width " [%0], %1;" ::"l"(p), reg(v) : "memory"); }
#define HAND_ADD(name, order, type, width, reg)                                                      \
  HAND type name(type* p, type v) {                                                                  \
    type before;                                                                                     \
    asm volatile("atom.add." order "." width " %0, [%1], %2;" : "=" reg(before) : "l"(p), reg(v) : "memory"); \
    return before;                                                                                   \
  }

HAND_LOAD(loadRelaxedGpu, "relaxed.gpu", uint32_t, "u32", "r")
HAND_LOAD(loadRelaxedGpu, "relaxed.gpu", uint64_t, "u64", "l")
HAND_LOAD(loadAcquireGpu, "acquire.gpu", uint64_t, "u64", "l")
HAND_LOAD(loadAcquireCta, "acquire.cta", uint32_t, "u32", "r")
HAND_LOAD(loadRelaxedCta, "relaxed.cta", uint32_t, "u32", "r")
HAND_LOAD(loadRelaxedCta, "relaxed.cta", uint64_t, "u64", "l")
HAND_LOAD(loadRelaxedSys, "relaxed.sys", uint64_t, "u64", "l")
HAND_STORE(storeRelaxedGpu, "relaxed.gpu", uint32_t, "u32", "r")
HAND_STORE(storeRelaxedGpu, "relaxed.gpu", uint64_t, "u64", "l")
HAND_STORE(storeRelaxedSys, "relaxed.sys", uint64_t, "u64", "l")
HAND_STORE(storeReleaseGpu, "release.gpu", uint32_t, "u32", "r")
HAND_STORE(storeReleaseGpu, "release.gpu", uint64_t, "u64", "l")
HAND_STORE(storeReleaseCta, "release.cta", uint32_t, "u32", "r")
HAND_STORE(storeReleaseCta, "release.cta", uint64_t, "u64", "l")
HAND_STORE(storeReleaseSys, "release.sys", uint64_t, "u64", "l")
HAND_ADD(addAcqRelGpu, "acq_rel.gpu", uint32_t, "u32", "r")
HAND_ADD(addAcqRelGpu, "acq_rel.gpu", uint64_t, "u64", "l")
HAND_ADD(addRelaxedGpu, "relaxed.gpu", uint32_t, "u32", "r")
HAND_ADD(addRelaxedCta, "relaxed.cta", uint32_t, "u32", "r")

HAND void fenceGpu() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
HAND void fenceSys() { asm volatile("fence.acq_rel.sys;" ::: "memory"); }

HAND uint32_t orRelaxedCta(uint32_t* p, uint32_t bits) {
  uint32_t before;
  asm volatile("atom.or.relaxed.cta.b32 %0, [%1], %2;" : "=r"(before) : "l"(p), "r"(bits) : "memory");
  return before;
}

HAND void fail(const Patience& p, AbortCode code) {
  uint32_t before;
  asm volatile("atom.cas.relaxed.gpu.b32 %0, [%1], 0, %2;"
               : "=r"(before)
               : "l"(&p.words->code), "r"(static_cast<uint32_t>(code))
               : "memory");
  if (before != 0) return;
  p.words->actor = p.self->actor;
  p.words->site = static_cast<uint32_t>(p.self->site);
}

/// The host or another actor has given up, or this one's time is over.
HAND bool givesUp(const Patience& p) {
  if (loadRelaxedGpu(&p.words->code) != 0) return true;
  uint64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  if (now < p.self->deadline) return false;
  fail(p, AbortCode::Deadline);
  return true;
}

HAND uint32_t lane() { return threadIdx.x % 32; }
HAND uint32_t lanesBelow() { return (1u << lane()) - 1; }

/// Exclusive prefix sum over the warp's lanes; the total in all lanes.
template <class T>
HAND T scan(T& value) {
  T sum = value;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const T below = __shfl_up_sync(~0u, sum, distance);
    if (lane() >= distance) sum += below;
  }
  value = sum - value;
  return __shfl_sync(~0u, sum, 31);
}

}  // namespace by_hand
