// Stands in for the kernel's header of the same name: the approximate instructions with the errors that the PTX manual allows
// them, as large as the test says.
#pragma once

#include <cmath>
#include <cstdint>

#define KT_DEVICE inline

namespace kerneltwin::ptx {

/// Share of the allowed error to take, -1 to 1.
inline double exp2Share = 0.0;
inline double reciprocalShare = 0.0;

inline float flushed(double x) { return std::fabs(x) < 0x1p-126 ? std::copysign(0.0f, static_cast<float>(x)) : static_cast<float>(x); }

/// ex2.approx.ftz.f32: relative error at most 2^-22.5.
inline float exp2Approx(float x) { return flushed(std::exp2(static_cast<double>(x)) * (1.0 + exp2Share * std::exp2(-22.5))); }

/// rcp.approx.ftz.f32: relative error at most 2^-23.
inline float reciprocalApprox(float x) { return flushed(1.0 / static_cast<double>(x) * (1.0 + reciprocalShare * 0x1p-23)); }

}  // namespace kerneltwin::ptx
