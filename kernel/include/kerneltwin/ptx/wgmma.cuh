// wgmma: D[64 x tokens] (+)= A[64 x 16] . B[tokens x 16]^T, bf16 or fp16 operands in shared memory, fp32 accumulators in registers.
// Both operands are K-major tiles behind a descriptor (gemm/wgmma_shape.h, matrixDescriptor).
//
// Accumulator d[4 * j + 2 * h + i] of thread t of the warpgroup is row 16 * (t / 32) + 8 * h + t % 32 / 4, token
// 8 * j + 2 * (t % 4) + i (gemm/wgmma_shape.h, accumulatorPlace).
//
// The products run asynchronously: between wgmma and the wait that covers it, neither its accumulators nor its operands may be
// touched. All four warps of the warpgroup call together.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

/// Orders accumulators written by ordinary instructions before the products that follow.
KT_DEVICE void wgmmaFence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

KT_DEVICE void wgmmaCommit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits until at most `Groups` of the committed groups are under way.
template <int Groups>
KT_DEVICE void wgmmaWait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
}

/// Keeps the compiler from moving uses of `d` across this point.
template <uint32_t N>
KT_DEVICE void pin(float (&d)[N]) {
#pragma unroll
  for (uint32_t i = 0; i < N; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

/// Begins the life of `d` with any values, at no cost: for accumulators whose first product overwrites them.
template <uint32_t N>
KT_DEVICE void leaveUndefined(float (&d)[N]) {
#pragma unroll
  for (uint32_t i = 0; i < N; ++i) asm volatile("" : "=f"(d[i]));
}

/// One product of width `Tokens`, a multiple of 8 up to 256, of fp16 (`Half`) or bf16. `accumulate` zero: d is overwritten.
template <uint32_t Tokens, bool Half>
KT_DEVICE void wgmma(float* d, uint64_t weights, uint64_t tokens, uint32_t accumulate);

// clang-format off
#define KT_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define KT_D_1 KT_D4(0)
#define KT_R_1 "%0, %1, %2, %3"
#define KT_D_2 KT_D_1, KT_D4(4)
#define KT_R_2 KT_R_1 ", %4, %5, %6, %7"
#define KT_D_3 KT_D_2, KT_D4(8)
#define KT_R_3 KT_R_2 ", %8, %9, %10, %11"
#define KT_D_4 KT_D_3, KT_D4(12)
#define KT_R_4 KT_R_3 ", %12, %13, %14, %15"
#define KT_D_5 KT_D_4, KT_D4(16)
#define KT_R_5 KT_R_4 ", %16, %17, %18, %19"
#define KT_D_6 KT_D_5, KT_D4(20)
#define KT_R_6 KT_R_5 ", %20, %21, %22, %23"
#define KT_D_7 KT_D_6, KT_D4(24)
#define KT_R_7 KT_R_6 ", %24, %25, %26, %27"
#define KT_D_8 KT_D_7, KT_D4(28)
#define KT_R_8 KT_R_7 ", %28, %29, %30, %31"
#define KT_D_9 KT_D_8, KT_D4(32)
#define KT_R_9 KT_R_8 ", %32, %33, %34, %35"
#define KT_D_10 KT_D_9, KT_D4(36)
#define KT_R_10 KT_R_9 ", %36, %37, %38, %39"
#define KT_D_11 KT_D_10, KT_D4(40)
#define KT_R_11 KT_R_10 ", %40, %41, %42, %43"
#define KT_D_12 KT_D_11, KT_D4(44)
#define KT_R_12 KT_R_11 ", %44, %45, %46, %47"
#define KT_D_13 KT_D_12, KT_D4(48)
#define KT_R_13 KT_R_12 ", %48, %49, %50, %51"
#define KT_D_14 KT_D_13, KT_D4(52)
#define KT_R_14 KT_R_13 ", %52, %53, %54, %55"
#define KT_D_15 KT_D_14, KT_D4(56)
#define KT_R_15 KT_R_14 ", %56, %57, %58, %59"
#define KT_D_16 KT_D_15, KT_D4(60)
#define KT_R_16 KT_R_15 ", %60, %61, %62, %63"
#define KT_D_17 KT_D_16, KT_D4(64)
#define KT_R_17 KT_R_16 ", %64, %65, %66, %67"
#define KT_D_18 KT_D_17, KT_D4(68)
#define KT_R_18 KT_R_17 ", %68, %69, %70, %71"
#define KT_D_19 KT_D_18, KT_D4(72)
#define KT_R_19 KT_R_18 ", %72, %73, %74, %75"
#define KT_D_20 KT_D_19, KT_D4(76)
#define KT_R_20 KT_R_19 ", %76, %77, %78, %79"
#define KT_D_21 KT_D_20, KT_D4(80)
#define KT_R_21 KT_R_20 ", %80, %81, %82, %83"
#define KT_D_22 KT_D_21, KT_D4(84)
#define KT_R_22 KT_R_21 ", %84, %85, %86, %87"
#define KT_D_23 KT_D_22, KT_D4(88)
#define KT_R_23 KT_R_22 ", %88, %89, %90, %91"
#define KT_D_24 KT_D_23, KT_D4(92)
#define KT_R_24 KT_R_23 ", %92, %93, %94, %95"
#define KT_D_25 KT_D_24, KT_D4(96)
#define KT_R_25 KT_R_24 ", %96, %97, %98, %99"
#define KT_D_26 KT_D_25, KT_D4(100)
#define KT_R_26 KT_R_25 ", %100, %101, %102, %103"
#define KT_D_27 KT_D_26, KT_D4(104)
#define KT_R_27 KT_R_26 ", %104, %105, %106, %107"
#define KT_D_28 KT_D_27, KT_D4(108)
#define KT_R_28 KT_R_27 ", %108, %109, %110, %111"
#define KT_D_29 KT_D_28, KT_D4(112)
#define KT_R_29 KT_R_28 ", %112, %113, %114, %115"
#define KT_D_30 KT_D_29, KT_D4(116)
#define KT_R_30 KT_R_29 ", %116, %117, %118, %119"
#define KT_D_31 KT_D_30, KT_D4(120)
#define KT_R_31 KT_R_30 ", %120, %121, %122, %123"
#define KT_D_32 KT_D_31, KT_D4(124)
#define KT_R_32 KT_R_31 ", %124, %125, %126, %127"

/// `groups` of 8 tokens; the operands after the accumulators are numbers `w`, `t` and `a`.
#define KT_WGMMA(groups, tokens_, w, t, a)             \
  KT_WGMMA_OF(groups, tokens_, w, t, a, false, "bf16.bf16") \
  KT_WGMMA_OF(groups, tokens_, w, t, a, true, "f16.f16")
#define KT_WGMMA_OF(groups, tokens_, w, t, a, half, types)                                                 \
  template <>                                                                                              \
  KT_DEVICE void wgmma<tokens_, half>(float* d, uint64_t weights, uint64_t tokens, uint32_t accumulate) {  \
    asm volatile(                                                                                          \
        "{\n"                                                                                              \
        ".reg .pred add;\n"                                                                                \
        "setp.ne.u32 add, %" #a ", 0;\n"                                                                   \
        "wgmma.mma_async.sync.aligned.m64n" #tokens_ "k16.f32." types " {" KT_R_##groups "}, %" #w ", %" #t \
        ", add, 1, 1, 0, 0;\n"                                                                             \
        "}\n"                                                                                              \
        : KT_D_##groups                                                                                    \
        : "l"(weights), "l"(tokens), "r"(accumulate)                                                       \
        : "memory");                                                                                       \
  }

KT_WGMMA(1, 8, 4, 5, 6)
KT_WGMMA(2, 16, 8, 9, 10)
KT_WGMMA(3, 24, 12, 13, 14)
KT_WGMMA(4, 32, 16, 17, 18)
KT_WGMMA(5, 40, 20, 21, 22)
KT_WGMMA(6, 48, 24, 25, 26)
KT_WGMMA(7, 56, 28, 29, 30)
KT_WGMMA(8, 64, 32, 33, 34)
KT_WGMMA(9, 72, 36, 37, 38)
KT_WGMMA(10, 80, 40, 41, 42)
KT_WGMMA(11, 88, 44, 45, 46)
KT_WGMMA(12, 96, 48, 49, 50)
KT_WGMMA(13, 104, 52, 53, 54)
KT_WGMMA(14, 112, 56, 57, 58)
KT_WGMMA(15, 120, 60, 61, 62)
KT_WGMMA(16, 128, 64, 65, 66)
KT_WGMMA(17, 136, 68, 69, 70)
KT_WGMMA(18, 144, 72, 73, 74)
KT_WGMMA(19, 152, 76, 77, 78)
KT_WGMMA(20, 160, 80, 81, 82)
KT_WGMMA(21, 168, 84, 85, 86)
KT_WGMMA(22, 176, 88, 89, 90)
KT_WGMMA(23, 184, 92, 93, 94)
KT_WGMMA(24, 192, 96, 97, 98)
KT_WGMMA(25, 200, 100, 101, 102)
KT_WGMMA(26, 208, 104, 105, 106)
KT_WGMMA(27, 216, 108, 109, 110)
KT_WGMMA(28, 224, 112, 113, 114)
KT_WGMMA(29, 232, 116, 117, 118)
KT_WGMMA(30, 240, 120, 121, 122)
KT_WGMMA(31, 248, 124, 125, 126)
KT_WGMMA(32, 256, 128, 129, 130)

#undef KT_WGMMA
#undef KT_WGMMA_OF
#undef KT_D4
#undef KT_D_1
#undef KT_R_1
#undef KT_D_2
#undef KT_R_2
#undef KT_D_3
#undef KT_R_3
#undef KT_D_4
#undef KT_R_4
#undef KT_D_5
#undef KT_R_5
#undef KT_D_6
#undef KT_R_6
#undef KT_D_7
#undef KT_R_7
#undef KT_D_8
#undef KT_R_8
#undef KT_D_9
#undef KT_R_9
#undef KT_D_10
#undef KT_R_10
#undef KT_D_11
#undef KT_R_11
#undef KT_D_12
#undef KT_R_12
#undef KT_D_13
#undef KT_R_13
#undef KT_D_14
#undef KT_R_14
#undef KT_D_15
#undef KT_R_15
#undef KT_D_16
#undef KT_R_16
#undef KT_D_17
#undef KT_R_17
#undef KT_D_18
#undef KT_R_18
#undef KT_D_19
#undef KT_R_19
#undef KT_D_20
#undef KT_R_20
#undef KT_D_21
#undef KT_R_21
#undef KT_D_22
#undef KT_R_22
#undef KT_D_23
#undef KT_R_23
#undef KT_D_24
#undef KT_R_24
#undef KT_D_25
#undef KT_R_25
#undef KT_D_26
#undef KT_R_26
#undef KT_D_27
#undef KT_R_27
#undef KT_D_28
#undef KT_R_28
#undef KT_D_29
#undef KT_R_29
#undef KT_D_30
#undef KT_R_30
#undef KT_D_31
#undef KT_R_31
#undef KT_D_32
#undef KT_R_32
// clang-format on

}  // namespace kerneltwin::ptx
