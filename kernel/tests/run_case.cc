// Runs one case on one rank through the C interface alone, as any user of the library would.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "case.h"
#include "kerneltwin/trace/record.h"

namespace kerneltwin::tests {
namespace {

struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...) {
  char text[700];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Mismatch(text);
}

void call(int32_t status, const char* what) {
  if (status != KT_OK) fail("%s: %s: %s", what, kt_status_name(status), kt_last_error());
}

/// bf16 and routing leave about 3e-3, fp16 3e-4; three times as much means wrong data, or of fp16 a place that rounds to bf16.
double mostError(const Case& c) { return c.dtype == KT_DTYPE_FP16 ? 1e-3 : 1e-2; }
constexpr uint64_t kDeadlineNs = 3'000'000'000ull;

uint32_t tokensOf(const Case& c, uint32_t rank) {
  return c.tokensOf.empty() ? c.tokens : c.tokensOf[rank % c.tokensOf.size()];
}

uint32_t mostTokens(const Case& c) {
  if (c.tokensOf.empty()) return c.tokens;
  return std::max(1u, *std::max_element(c.tokensOf.begin(), c.tokensOf.end()));
}

std::vector<uint32_t> placementOf(const Case& c, uint32_t ranks) {
  std::vector<uint32_t> base = {0};
  for (uint32_t r = 0; r < ranks; ++r) {
    const uint32_t local = c.unequal ? std::max(1u, c.expertsPerRank + r % 3 - 1) : c.expertsPerRank;
    base.push_back(base.back() + local);
  }
  return base;
}

uint32_t keepOf(const Case& c, uint32_t tokens, uint32_t experts) {
  if (c.capacityFactor == 0.0 || tokens == 0) return 0;
  return std::max(1u, static_cast<uint32_t>(std::ceil(c.capacityFactor * tokens * c.topK / experts)));
}

kt_world_options optionsOf(const Case& c, uint32_t ranks, const std::vector<uint32_t>& placement) {
  const uint32_t experts = placement.back();
  uint32_t slots = 0;
  for (uint32_t r = 0; r < ranks; ++r) slots = std::max(slots, placement[r + 1] - placement[r]);
  const uint32_t keep = keepOf(c, mostTokens(c), experts);
  const uint32_t rows = keep == 0 ? mostTokens(c) : keep;
  kt_world_options o = {};
  o.struct_size = sizeof o;
  o.shape = {ranks,  experts, slots,      mostTokens(c), c.hidden, c.intermediate,
             c.topK, (rows + c.tileRows - 1) / c.tileRows * c.tileRows, c.tileRows, c.tileCols};
  o.placement = placement.data();
  o.blocks = c.blocks;
  o.transport = c.transport;
  o.readiness = c.readiness;
  o.policy = c.policy;
  o.gemm = c.gemm;
  o.activation = c.activation;
  o.dtype = c.dtype;
  o.renormalise = c.renormalise;
  o.bias = c.bias;
  o.gate = c.routing == Routing::Gate ? KT_GATE_TOP_K : KT_GATE_GIVEN;
  o.trace_records = c.traceRecords;
  o.deadline_ns = c.peerMissing ? 300'000'000ull : kDeadlineNs;
  return o;
}

/// A world that closes itself.
struct OpenWorld {
  kt_world* handle = nullptr;
  explicit OpenWorld(const kt_world_options& options) { call(kt_world_open(&options, &handle), "kt_world_open"); }
  ~OpenWorld() { kt_world_close(handle); }
};

void giveChoices(const Case& c, kt_world* world, uint32_t experts) {
  const uint32_t tokens = mostTokens(c);
  std::vector<uint32_t> choices(static_cast<size_t>(tokens) * c.topK);
  for (uint32_t t = 0; t < tokens; ++t) {
    for (uint32_t j = 0; j < c.topK; ++j) {
      choices[static_cast<size_t>(t) * c.topK + j] = c.routing == Routing::Hot ? j : (t + j) % experts;
    }
  }
  call(kt_upload(world, KT_TENSOR_CHOICES, 0, choices.data(), choices.size() * 4), "kt_upload of CHOICES");
}

std::vector<uint8_t> outputOf(kt_world* world) {
  uint64_t bytes = 0;
  call(kt_tensor_bytes(world, KT_TENSOR_OUT, &bytes), "kt_tensor_bytes");
  std::vector<uint8_t> out(bytes);
  call(kt_download(world, KT_TENSOR_OUT, 0, out.data(), bytes), "kt_download of OUT");
  return out;
}

void checkResult(const Case& c, kt_world* world, RankReport& report) {
  kt_check_options options = {sizeof(kt_check_options), c.checkStride};
  kt_check_result r = {};
  r.struct_size = sizeof r;
  call(kt_check(world, &options, &r), "kt_check");
  report.error = std::max(report.error, r.relative_error);
  report.dropped += r.dropped;
  const bool good = r.relative_error < mostError(c) && r.unwritten == 0 && r.not_finite == 0 &&
                    r.routing_mismatches == 0 && r.placement_mismatches == 0 && r.scale_mismatches == 0;
  if (good) return;
  fail(
      "error %.3e (largest %.3e at token %u column %u, norm %.3e), %llu unwritten, %llu not finite, %llu routing, %llu "
      "placement, "
      "%llu scale mismatches",
      r.relative_error, r.max_error, r.worst_token, r.worst_column, r.reference_norm,
      static_cast<unsigned long long>(r.unwritten), static_cast<unsigned long long>(r.not_finite),
      static_cast<unsigned long long>(r.routing_mismatches), static_cast<unsigned long long>(r.placement_mismatches),
      static_cast<unsigned long long>(r.scale_mismatches));
}

/// Every ring holds all its records, begins the epoch and ends with a clean exit.
void checkRings(const Case& c, kt_world* world, uint32_t epoch, RankReport& report) {
  kt_world_info info = {};
  info.struct_size = sizeof info;
  call(kt_world_query(world, &info), "kt_world_query");
  if (info.local_bytes != 0 && c.transport == KT_TRANSPORT_DIRECT)
    fail("the kernel uses %u bytes of local memory", info.local_bytes);
  std::vector<TraceRecord> records(c.traceRecords);
  for (uint32_t ring = 0; ring < info.rings; ++ring) {
    TraceRingHeader header;
    uint32_t stored = 0;
    call(kt_trace_read(world, ring, &header, records.data(), c.traceRecords, &stored), "kt_trace_read");
    report.records += stored;
    if (header.written > header.capacity)
      fail("ring %u overflowed: %u records, room for %u", ring, header.written, header.capacity);
    if (header.launch != epoch) fail("ring %u is of launch %u, expected %u", ring, header.launch, epoch);
    if (stored == 0) fail("ring %u is empty", ring);
    const auto kind = static_cast<EventKind>(records[stored - 1].head >> kTickBits & ((1u << kKindBits) - 1));
    if (kind != EventKind::Exit) fail("ring %u ends with kind %u, expected Exit", ring, static_cast<uint32_t>(kind));
  }
}

std::string dumpOf(kt_world* world) {
  uint64_t needed = 0;
  if (kt_dump(world, nullptr, 0, &needed) != KT_OK) return std::string("no dump: ") + kt_last_error();
  std::string text(needed, '\0');
  if (kt_dump(world, text.data(), needed, &needed) != KT_OK) return std::string("no dump: ") + kt_last_error();
  return text;
}

kt_launch_result launchOnce(const Case& c, kt_world* world, uint32_t tokens, uint32_t keep, uint32_t flags,
                            uint32_t rank) {
  if (c.skewMs > 0) usleep(1000 * c.skewMs * rank);
  kt_launch_options options = {sizeof(kt_launch_options), tokens, flags, keep};
  kt_launch_result result = {};
  result.struct_size = sizeof result;
  const int32_t status = kt_launch(world, &options, &result);
  if (status == KT_OK) return result;
  const std::string error = kt_last_error();
  std::fprintf(stderr, "---- rank %u, case \"%s\": %s\n%s\n", rank, c.name.c_str(), error.c_str(),
               dumpOf(world).c_str());
  fail("kt_launch: %s: %s", kt_status_name(status), error.c_str());
}

/// The last rank stays away: the others must come back with KT_ABORTED, a deadline, and a state to read.
void expectAbort(const Case& c, kt_world* world, uint32_t rank, uint32_t ranks) {
  if (rank == ranks - 1) return;
  kt_launch_options options = {sizeof(kt_launch_options), tokensOf(c, rank), 0, 0};
  kt_launch_result result = {};
  result.struct_size = sizeof result;
  const int32_t status = kt_launch(world, &options, &result);
  if (status != KT_ABORTED) fail("kt_launch: expected ABORTED, got %s", kt_status_name(status));
  if (result.abort_code != static_cast<uint32_t>(AbortCode::Deadline))
    fail("abort code: expected 1 (deadline), got %u", result.abort_code);
  if (dumpOf(world).find("dispatch flag of rank") == std::string::npos)
    fail("the dump does not name the missing signals");
  const int32_t again = kt_launch(world, &options, &result);
  if (again != KT_BAD_STATE) fail("a launch after an abort: expected BAD_STATE, got %s", kt_status_name(again));
}

/// The same inputs again: the result must be the same bits, whatever the timing. So every other launch is not aligned.
void checkBits(const Case& c, uint32_t rank, kt_world* world, uint32_t tokens, uint32_t keep) {
  const std::vector<uint8_t> before = outputOf(world);
  for (uint32_t n = 0; n < c.repeats; ++n) {
    launchOnce(c, world, tokens, keep, KT_LAUNCH_POISON_OUTPUT | (n % 2 == 0 ? KT_LAUNCH_ALIGNED : 0), rank);
    const std::vector<uint8_t> after = outputOf(world);
    if (after == before) continue;
    const auto at = std::mismatch(before.begin(), before.end(), after.begin()).first - before.begin();
    const uint64_t rowBytes = static_cast<uint64_t>(c.hidden) * 2;
    fail("launch %u on the same inputs gave other bits, first in token %llu column %llu", n + 2,
         static_cast<unsigned long long>(at / rowBytes), static_cast<unsigned long long>(at % rowBytes / 2));
  }
}

void runLaunches(const Case& c, uint32_t rank, kt_world* world, uint32_t experts, RankReport& report) {
  for (uint32_t which : {KT_TENSOR_WG, KT_TENSOR_W1, KT_TENSOR_W2})
    call(kt_fill(world, which, 7 + which, 0.0), "kt_fill");
  if (c.bias) {
    for (uint32_t which : {KT_TENSOR_B1, KT_TENSOR_B2}) call(kt_fill(world, which, 7 + which, 0.0), "kt_fill");
  }
  if (c.routing != Routing::Gate) giveChoices(c, world, experts);
  for (uint32_t n = 0; n < c.launches; ++n) {
    // Tokens wander from launch to launch, and with them which peers get no-op signals.
    const uint32_t tokens = c.tokensOf.empty() ? c.tokens : tokensOf(c, rank + n);
    const uint32_t keep = keepOf(c, tokens, experts);
    call(kt_fill(world, KT_TENSOR_X, 100 + n, 0.0), "kt_fill of X");
    const uint32_t poison = n == 0 ? KT_LAUNCH_POISON_BUFFERS : KT_LAUNCH_POISON_OUTPUT;
    const uint32_t align = c.skewMs == 0 ? KT_LAUNCH_ALIGNED : 0;
    const kt_launch_result result = launchOnce(c, world, tokens, keep, poison | align, rank);
    if (n == 0) report.firstMs = result.ms;
    report.lastMs = result.ms;
    checkResult(c, world, report);
    if (c.traceRecords > 0) checkRings(c, world, result.epoch, report);
  }
  const uint32_t tokens = c.tokensOf.empty() ? c.tokens : tokensOf(c, rank + c.launches - 1);
  checkBits(c, rank, world, tokens, keepOf(c, tokens, experts));
  if (c.expectDrops && tokens > 0 && report.dropped == 0) fail("expected drops, got none");
}

}  // namespace

uint64_t symmetricBytes(const Case& c, uint32_t ranks) {
  const std::vector<uint32_t> placement = placementOf(c, ranks);
  const kt_world_options options = optionsOf(c, ranks, placement);
  uint64_t bytes = 0;
  call(kt_symmetric_bytes(&options, &bytes), "kt_symmetric_bytes");
  return bytes;
}

void runCase(const Case& c, uint32_t rank, uint32_t ranks, RankReport& report) {
  try {
    const std::vector<uint32_t> placement = placementOf(c, ranks);
    OpenWorld world(optionsOf(c, ranks, placement));
    if (c.peerMissing) expectAbort(c, world.handle, rank, ranks);
    else runLaunches(c, rank, world.handle, placement.back(), report);
    report.passed = 1;
  } catch (const std::exception& error) {
    std::snprintf(report.message, sizeof report.message, "%s", error.what());
  }
  report.done = 1;
}

}  // namespace kerneltwin::tests
