// Runs one scenario's launches on the emulated GPU and leaves the kernel's trace rings for the checker.
//
//   emulate REQUEST RINGS
//
// REQUEST is words apart by blanks: ranks blocks hidden intermediate topK tileRows tileCols capacity eager put wgmma bias
// renormalise activation seed launches; ranks + 1 placement sums; then for each launch and rank: tokens, rows it may keep for
// one expert, tokens * topK choices. RINGS gets, for each launch and rank: its choices and rows (u32 count, then both), the number of rings,
// and each ring: header, u32 stored, records. Exit 1 with a message when a launch or its output is wrong.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "../../../src/ring_order.h"
#include "../world.h"

namespace emulator {
namespace {

class Request {
 public:
  explicit Request(const char* file) : in_(file) {
    if (!in_) throw std::runtime_error(std::string("cannot read ") + file);
  }
  uint32_t next() {
    uint32_t value = 0;
    if (!(in_ >> value)) throw std::runtime_error("the request ends early or holds no number");
    return value;
  }

 private:
  std::ifstream in_;
};

class Output {
 public:
  explicit Output(const char* file) : out_(file, std::ios::binary) {}
  void word(uint32_t value) { bytes(&value, sizeof value); }
  void bytes(const void* from, uint64_t count) {
    out_.write(static_cast<const char*>(from), static_cast<std::streamsize>(count));
  }

 private:
  std::ofstream out_;
};

struct RankLaunch {
  uint32_t tokens;
  uint32_t keep;
  std::vector<uint32_t> choices;
};

Config readConfig(Request& in, uint64_t& seed, uint32_t& launches) {
  Config c;
  c.ranks = in.next();
  c.blocks = in.next();
  c.hidden = in.next();
  c.intermediate = in.next();
  c.topK = in.next();
  c.tileRows = in.next();
  c.tileCols = in.next();
  c.capacity = in.next();
  c.eager = in.next() != 0;
  c.scheduling = static_cast<Scheduling>(in.next());
  c.put = in.next() != 0;
  c.wgmma = in.next() != 0;
  c.bias = in.next() != 0;
  c.renormalise = in.next() != 0;
  c.activation = static_cast<Activation>(in.next());
  seed = in.next();
  launches = in.next();
  for (uint32_t r = 0; r <= c.ranks; ++r) c.placement.push_back(in.next());
  c.given = true;
  return c;
}

std::vector<std::vector<RankLaunch>> readLaunches(Request& in, const Config& c, uint32_t launches) {
  std::vector<std::vector<RankLaunch>> all(launches, std::vector<RankLaunch>(c.ranks));
  for (auto& ranks : all) {
    for (RankLaunch& r : ranks) {
      r.tokens = in.next();
      r.keep = in.next();
      for (uint64_t i = 0; i < static_cast<uint64_t>(r.tokens) * c.topK; ++i) r.choices.push_back(in.next());
    }
  }
  return all;
}

void writeRank(Output& out, Rank& r, uint32_t choices) {
  out.word(choices);
  out.bytes(r.choices.get(), choices * 4ull);
  out.bytes(r.rows.get(), choices * 4ull);
  out.word(static_cast<uint32_t>(r.ringHeaders.count()));
  for (uint32_t ring = 0; ring < r.ringHeaders.count(); ++ring) {
    const TraceRingHeader& header = r.ringHeaders[ring];
    TraceRecord* records = r.ringRecords.get() + static_cast<uint64_t>(ring) * header.capacity;
    const uint32_t stored = std::min(header.written, header.capacity);
    sortByTime(records, stored);
    out.bytes(&header, sizeof header);
    out.word(stored);
    out.bytes(records, stored * sizeof(TraceRecord));
  }
}

void emulate(const char* requestFile, const char* ringsFile) {
  Request in(requestFile);
  uint64_t seed = 0;
  uint32_t launches = 0;
  Config config = readConfig(in, seed, launches);
  const auto all = readLaunches(in, config, launches);
  for (const RankLaunch& r : all.at(0)) config.tokens.push_back(r.tokens);
  World world(config, seed);
  Output out(ringsFile);
  for (uint32_t n = 0; n < launches; ++n) {
    std::vector<uint32_t> tokens;
    std::vector<uint32_t> keeps;
    for (uint32_t r = 0; r < config.ranks; ++r) {
      tokens.push_back(all[n][r].tokens);
      keeps.push_back(all[n][r].keep);
      std::copy(all[n][r].choices.begin(), all[n][r].choices.end(), world.rank(r).choices.get());
    }
    world.launch(tokens, seed * 1000 + n, keeps);
    world.check();
    for (uint32_t r = 0; r < config.ranks; ++r) writeRank(out, world.rank(r), tokens[r] * config.topK);
  }
}

}  // namespace
}  // namespace emulator

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "emulate: expected REQUEST RINGS\n");
    return 2;
  }
  try {
    emulator::emulate(words[1], words[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "emulate: %s\n", error.what());
    return 1;
  }
}
