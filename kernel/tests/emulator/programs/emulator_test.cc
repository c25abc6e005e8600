// The whole fused kernel on the emulated GPU: every case under several interleavings, against fp64, and the same bits from
// each of them. Needs neither CUDA nor a GPU:
//
//   g++ -std=c++20 -O2 -Ikernel/tests/emulator -Ikernel/include kernel/tests/emulator/*.cc kernel/tests/emulator/programs/emulator_test.cc
//   ./emulator_test [--seeds N] [--seed FIRST] [--match TEXT]
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "world.h"

namespace emulator {
namespace {

Config make(const char* name, std::vector<uint32_t> placement, std::vector<uint32_t> tokens) {
  Config c;
  c.name = name;
  c.ranks = static_cast<uint32_t>(tokens.size());
  c.placement = std::move(placement);
  c.tokens = std::move(tokens);
  return c;
}

std::vector<Config> configs() {
  std::vector<Config> all;
  Config c = make("one rank, dropless", {0, 4}, {40});
  all.push_back(c);
  c.name = "one rank, lazy, k = 1, one processor";
  c.eager = false;
  c.topK = 1;
  c.blocks = 2;
  all.push_back(c);
  c = make("narrow last tiles, k = 3, gelu", {0, 5}, {33});
  c.hidden = 192;
  c.intermediate = 320;
  c.topK = 3;
  c.activation = Activation::Gelu;
  all.push_back(c);
  c = make("hot expert, residue rows, no bias", {0, 3}, {141});
  c.given = c.hot = true;
  c.topK = 1;
  c.bias = false;
  c.activation = Activation::Relu;
  all.push_back(c);
  c = make("drops, tokens without a kept choice", {0, 2}, {50});
  c.given = c.hot = true;
  c.keep = 20;
  all.push_back(c);
  c = make("8-row blocks, 64-column tiles", {0, 3}, {29});
  c.tileRows = 8;
  c.tileCols = 64;
  c.hidden = 128;
  c.intermediate = 192;
  all.push_back(c);
  c = make("260 experts, k = 8, not renormalised", {0, 260}, {21});
  c.topK = 8;
  c.renormalise = false;
  c.blocks = 5;
  all.push_back(c);
  c = make("two ranks", {0, 3, 5}, {24, 31});
  c.launches = 6;
  all.push_back(c);
  c = make("two ranks, k = 8: sums whose order shows", {0, 9, 16}, {40, 33});
  c.topK = 8;
  c.hidden = 512;
  c.intermediate = 64;
  all.push_back(c);
  c = make("three ranks, zero-token rank, lazy", {0, 1, 4, 6}, {17, 0, 40});
  c.eager = false;
  c.launches = 5;
  all.push_back(c);
  c = make("two ranks, drops, put transport", {0, 2, 5}, {30, 12});
  c.put = true;
  c.keep = 9;
  c.launches = 3;
  all.push_back(c);
  c = make("three ranks, put transport, narrow tiles", {0, 2, 3, 4}, {9, 20, 1});
  c.put = true;
  c.hidden = 192;
  c.launches = 3;
  all.push_back(c);
  c = make("swiglu, narrow last tiles", {0, 3}, {37});
  c.hidden = 192;
  c.intermediate = 320;
  c.activation = Activation::Swiglu;
  all.push_back(c);
  c = make("geglu, no bias, two ranks, 64-column tiles", {0, 2, 4}, {17, 20});
  c.bias = false;
  c.tileCols = 64;
  c.activation = Activation::Geglu;
  all.push_back(c);
  c = make("swiglu, put transport", {0, 2, 4}, {12, 9});
  c.put = true;
  c.activation = Activation::Swiglu;
  all.push_back(c);
  c = make("a peer that never launches: abort by deadline", {0, 2, 4}, {20, 20});
  c.alone = true;
  all.push_back(c);
  for (size_t i = 0, count = all.size(); i < count; ++i) {
    if (all[i].put) continue;
    c = all[i];
    c.name += ", wgmma";
    c.wgmma = true;
    all.push_back(c);
  }
  c = make("64-row blocks, 256-column tiles, wgmma", {0, 2, 4}, {90, 20});
  c.wgmma = true;
  c.hidden = 320;
  c.tileRows = 64;
  c.tileCols = 256;
  all.push_back(c);
  c = make("pairs, two ranks, narrow last tiles", {0, 3, 5}, {101, 38});
  c.wgmma = true;
  c.blocks = 6;
  c.hidden = 320;
  c.intermediate = 192;
  c.tileRows = 96;
  c.tileCols = 192;
  c.launches = 3;
  all.push_back(c);
  c.name = "pairs, two ranks, drops, zero-token rank, lazy, swiglu, one processor";
  c.tokens = {0, 50};
  c.blocks = 4;
  c.keep = 9;
  c.eager = false;
  c.activation = Activation::Swiglu;
  all.push_back(c);
  c = make("pairs, a peer that never launches: abort by deadline", {0, 2, 4}, {20, 20});
  c.wgmma = c.alone = true;
  c.blocks = 4;
  c.tileRows = 96;
  c.tileCols = 192;
  all.push_back(c);
  return all;
}

/// Token counts wander over the ranks from launch to launch, so that no-op signals come and go.
std::vector<uint32_t> tokensOf(const Config& c, uint32_t launch) {
  std::vector<uint32_t> tokens(c.ranks);
  for (uint32_t r = 0; r < c.ranks; ++r) tokens[r] = c.tokens[(r + launch) % c.ranks];
  return tokens;
}

void runConfig(const Config& c, uint64_t firstSeed, uint32_t seeds, double& error) {
  std::vector<uint16_t> bits;
  if (c.alone) {
    World(c, 42).launchAlone(firstSeed);
    return;
  }
  for (uint64_t seed = firstSeed; seed < firstSeed + seeds; ++seed) {
    World world(c, 42);
    for (uint32_t n = 0; n < c.launches; ++n) {
      world.launch(tokensOf(c, n), seed * 1000 + n);
      error = std::max(error, world.check());
    }
    if (c.keep != 0 && world.dropped() == 0) throw std::runtime_error("expected drops, got none");
    if (bits.empty()) bits = world.outputs();
    if (bits != world.outputs()) throw std::runtime_error("another interleaving gave other bits");
  }
}

}  // namespace
}  // namespace emulator

int main(int count, char** words) {
  uint64_t firstSeed = 1;
  uint32_t seeds = 2;
  std::string match;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(words[i], "--seeds") == 0) seeds = static_cast<uint32_t>(std::stoul(words[i + 1]));
    else if (std::strcmp(words[i], "--seed") == 0) firstSeed = std::stoull(words[i + 1]);
    else if (std::strcmp(words[i], "--match") == 0) match = words[i + 1];
  }
  uint32_t passed = 0;
  uint32_t failed = 0;
  for (const emulator::Config& c : emulator::configs()) {
    if (c.name.find(match) == std::string::npos) continue;
    double error = 0.0;
    try {
      emulator::runConfig(c, firstSeed, seeds, error);
      ++passed;
      std::printf("PASS %-45s error %.2e\n", c.name.c_str(), error);
    } catch (const std::exception& e) {
      ++failed;
      std::printf("FAIL %-45s %s\n", c.name.c_str(), e.what());
    }
    std::fflush(stdout);
  }
  std::printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
