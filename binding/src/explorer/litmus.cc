#include "litmus.h"

#include "kerneltwin/litmus/shapes.h"
#include "policies.h"
#include "strategies.h"

namespace kerneltwin::explorer {

namespace {

namespace shapes = kerneltwin::litmus;

/// The host memory policy with plain payload.
class LitmusMemory : public HostMemory {
 public:
  LitmusMemory(Explorer& explorer, const Arena& arena, uint32_t fiber)
      : HostMemory(explorer, arena, fiber), x_(explorer), arena_(arena), fiber_(fiber) {}

  void put(uint32_t* word, uint32_t value) {
    const Location at = arena_.locate(word);
    x_.stepPlain(at, Access::Write);
    if (x_.memory.writePlain(fiber_, at, value) != Race::None) x_.fail("L2", "a payload write races");
  }
  uint32_t get(const uint32_t* word) {
    const Location at = arena_.locate(word);
    x_.stepPlain(at, Access::Read);
    uint64_t value = 0;
    if (x_.memory.readPlain(fiber_, at, value) != Race::None) x_.fail("S4", "a payload read is not ordered after its write");
    return static_cast<uint32_t>(value);
  }

 private:
  Explorer& x_;
  const Arena& arena_;
  uint32_t fiber_;
};

class LitmusRun {
 public:
  LitmusRun(shapes::Shape shape, Model model)
      : shape_(shape), info_(shapes::kShapeInfo[static_cast<uint32_t>(shape)]), explorer_(model, info_.threads),
        arena_(std::make_unique<Arena>()) {
    Memory& m = explorer_.memory;
    words_.wide = arena_->allocate<uint64_t>(m, shapes::kWide);
    words_.narrow = arena_->allocate<uint32_t>(m, shapes::kNarrow);
    words_.plain = arena_->allocate<uint32_t>(m, shapes::kPlain);
  }

  bool run(Choices& choices) { return explorer_.run(&LitmusRun::enter, this, choices, 10000); }
  const Failure& failure() const { return explorer_.failure(); }

 private:
  static void enter(void* self, uint32_t fiber) { static_cast<LitmusRun*>(self)->live(fiber); }
  void live(uint32_t fiber) {
    explorer_.memory.place(fiber, {info_.seats[fiber].rank, info_.seats[fiber].block});
    LitmusMemory mem(explorer_, *arena_, fiber);
    if (shapes::run(mem, shape_, words_, fiber)) explorer_.fail("S4", "a forbidden outcome");
  }

  shapes::Shape shape_;
  const shapes::ShapeInfo& info_;
  Explorer explorer_;
  std::unique_ptr<Arena> arena_;
  shapes::Words words_{};
};

void count(LitmusReport& report, const LitmusRun& run, bool held) {
  ++report.runs;
  if (held) return;
  if (report.forbidden++ == 0) report.first = run.failure();
}

}  // namespace

std::vector<std::string> litmusNames() {
  std::vector<std::string> names;
  for (const auto& info : shapes::kShapeInfo) names.emplace_back(info.name);
  return names;
}

LitmusReport runLitmus(const LitmusRequest& request) {
  LitmusRun run(static_cast<shapes::Shape>(request.shape), request.model);
  LitmusReport report;
  if (request.all) {
    AllChoices choices;
    do {
      count(report, run, run.run(choices));
      report.complete = !choices.advance();
    } while (!report.complete && report.runs < request.runs);
    return report;
  }
  for (uint64_t i = 0; i < request.runs; ++i) {
    RandomChoices choices(blend(request.seed, i));
    count(report, run, run.run(choices));
  }
  return report;
}

}  // namespace kerneltwin::explorer
