// The host's fp16 conversions, exhaustively: every fp16 number survives the way to fp32 and back, and between any two neighbours
// the middle goes to the even one, the fp32 number above it up and the one below it down.
//
//   g++ -std=c++20 -O2 -Ikernel/include kernel/tests/element_test.cc && ./a.out
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>

#include "kerneltwin/gemm/element.h"

namespace kerneltwin {
namespace {

uint32_t failed = 0;

void expect(float x, uint32_t bits, const char* what) {
  const uint16_t got = floatToHalf(x);
  if (got == bits) return;
  if (++failed <= 10) std::printf("FAIL %s: %a became %04x, expected %04x\n", what, static_cast<double>(x), got, bits);
}

/// What binary16 says a number of `bits` (not negative, finite) is.
double valueOf(uint32_t bits) {
  const int exponent = static_cast<int>(bits >> 10);
  const double fraction = bits & 0x3ff;
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
}

void checkNumber(uint32_t bits) {
  for (const uint32_t sign : {0u, 0x8000u}) {
    const float x = halfToFloat(static_cast<uint16_t>(sign | bits));
    const double want = sign != 0 ? -valueOf(bits) : valueOf(bits);
    if (x != want || std::signbit(x) != (sign != 0)) ++failed;
    expect(x, sign | bits, "itself");
    // Above the largest the next would be 65536, which is infinite: 65520 is the middle.
    const double next = bits == 0x7bff ? 65536.0 : valueOf(bits + 1);
    const float middle = static_cast<float>((valueOf(bits) + next) / 2) * (sign != 0 ? -1.0f : 1.0f);
    expect(middle, sign | (bits + (bits & 1)), "middle");
    expect(std::nextafter(middle, 0.0f), sign | bits, "below the middle");
    expect(std::nextafter(middle, sign != 0 ? -INFINITY : INFINITY), sign | (bits + 1), "above the middle");
  }
}

}  // namespace
}  // namespace kerneltwin

int main() {
  using namespace kerneltwin;
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) checkNumber(bits);
  expect(INFINITY, 0x7c00, "infinity");
  expect(-INFINITY, 0xfc00, "minus infinity");
  expect(NAN, 0x7fff, "NaN");
  expect(3.4e38f, 0x7c00, "the largest");
  expect(1e-45f, 0, "the smallest");
  if (!std::isinf(halfToFloat(0x7c00)) || !std::isnan(halfToFloat(0x7e01)) || !std::isnan(halfToFloat(0xffff))) ++failed;
  const uint32_t word = Fp16Element::pack(1.5f, -0.25f);
  if (Fp16Element::low(word) != 1.5f || Fp16Element::high(word) != -0.25f) ++failed;
  std::printf("%s\n", failed == 0 ? "PASS every fp16 number" : "FAIL");
  return failed == 0 ? 0 : 1;
}
