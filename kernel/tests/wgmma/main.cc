// Tests of the wgmma pipeline on an emulated block.
//
//   g++ -std=c++20 -O2 -Ikernel/tests/wgmma -Ikernel/include kernel/tests/wgmma/*.cc -o wgmma_test && ./wgmma_test [seeds]
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

namespace kerneltwin {
void testPipeline(uint64_t seed);
void testMailbox(uint64_t seed);
}  // namespace kerneltwin

int main(int argc, char** argv) {
  const uint64_t seeds = argc > 1 ? std::stoull(argv[1]) : 1;
  try {
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      kerneltwin::testMailbox(seed);
      kerneltwin::testPipeline(seed);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "FAILED: %s\n", e.what());
    return 1;
  }
  return 0;
}
