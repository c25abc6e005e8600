// Errors of the kernel's activation functions against long double, over every 2053rd float (both signs, all exponents)
// up to 1e38 and a dense sweep of -20 to 20, with the approximate instructions off by as much as they may be.
//
//   g++ -std=c++20 -O2 -Ikernel/tests/activation -Ikernel/include kernel/tests/activation/activation_test.cc && ./a.out
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "kerneltwin/gemm/activation.cuh"

namespace kerneltwin {
namespace {

struct Function {
  const char* name;
  float (*fast)(float);
  long double (*exact)(long double);
  double relative;  ///< error allowed, of the value
  double absolute;  ///< and besides, where the value underflows
};

long double exactGelu(long double x) { return 0.5L * x * erfcl(-x * 0.707106781186547524400844362104849L); }
long double exactSilu(long double x) { return x / (1.0L + expl(-x)); }

constexpr double kBf16 = 0x1p-9;

const Function kFunctions[] = {
    {"gelu", [](float x) { return activate<Activation::Gelu>(x); }, exactGelu, kBf16 / 32, 5e-15},
    {"silu", [](float x) { return activate<Activation::Silu>(x); }, exactSilu, kBf16 / 256, 2e-36},
};

struct Worst {
  double error = 0.0;  ///< in units of what is allowed
  float at = 0.0f;
  double relative = 0.0;
};

void look(const Function& f, float x, Worst& worst) {
  if (!(std::fabs(x) <= 1e38f)) return;
  const long double exact = f.exact(x);
  const long double error = std::fabs(static_cast<long double>(f.fast(x)) - exact);
  const double share = static_cast<double>(error / (f.relative * std::fabs(exact) + f.absolute + 0x1p-149L));
  if (!(share <= worst.error)) worst = {share, x, static_cast<double>(error / std::fabs(exact))};
}

Worst sweep(const Function& f) {
  Worst worst;
  for (uint64_t bits = 0; bits < 1ull << 32; bits += 2053) {
    const uint32_t word = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &word, sizeof x);
    look(f, x, worst);
  }
  for (int32_t i = -500'000; i <= 500'000; ++i) look(f, static_cast<float>(i) * 4e-5f, worst);
  return worst;
}

}  // namespace
}  // namespace kerneltwin

int main() {
  using namespace kerneltwin;
  bool good = true;
  for (const Function& f : kFunctions) {
    for (const double share : {-1.0, 0.0, 1.0}) {
      ptx::exp2Share = share;
      ptx::reciprocalShare = -share;  // both then push silu the same way
      const Worst worst = sweep(f);
      const bool passed = worst.error <= 1.0;
      good &= passed;
      std::printf("%s %s, instructions off by %+.0f of what they may: worst error %.2f of the allowed at %.9g, relative %.3e\n",
                  passed ? "PASS" : "FAIL", f.name, share, worst.error, static_cast<double>(worst.at), worst.relative);
    }
  }
  return good ? 0 : 1;
}
