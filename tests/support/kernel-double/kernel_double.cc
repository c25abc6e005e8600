// A double of libkerneltwin.so for tests of what surrounds the kernel: it routes as the kernel must, leaves small rings,
// and misbehaves on request. It computes no layer and is never shipped.
//
// Environment: KT_DOUBLE = "<fault>[:<call>[:<rank>]]", e.g. "die:kt_launch:1". Faults: die, hang, fail at a call;
// abort (the launch ends itself until kt_abort was asked or not), misroute and wrong-output of a rank;
// no-gpu; version (another interface version); stuck (a launch that ends only by kt_abort); overflow and bad-ring of rings.
#define KT_BUILDING_LIBRARY
#include "kerneltwin/api.h"
#include "kerneltwin/trace/record.h"

#include <atomic>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

struct kt_world {
  kt_world_options options;
  std::vector<uint32_t> placement;
  std::vector<uint16_t> x;
  std::vector<uint16_t> wg;
  std::vector<uint32_t> choices;
  std::vector<uint32_t> rows;
  uint32_t epoch = 0;
  std::atomic<bool> abortAsked{false};
};

namespace {

using kerneltwin::EventKind;
using kerneltwin::packRecord;

uint32_t ownRank = 0;
thread_local std::string lastError;

struct Fault {
  std::string kind, call;
  int rank = -1;
};

Fault fault() {
  const char* text = std::getenv("KT_DOUBLE");
  std::string rest = text != nullptr ? text : "";
  const auto next = [&] {
    const std::size_t colon = rest.find(':');
    std::string part = rest.substr(0, colon);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    return part;
  };
  Fault f;
  f.kind = next();
  f.call = next();
  if (!rest.empty()) f.rank = std::atoi(rest.c_str());
  return f;
}

bool faulty(const char* kind, const char* call) {
  const Fault f = fault();
  return f.kind == kind && (f.call.empty() || f.call == call) && (f.rank < 0 || f.rank == static_cast<int>(ownRank));
}

int32_t failed(int32_t status, const std::string& message) {
  lastError = message;
  return status;
}

/// What every call does first.
int32_t enter(const char* call) {
  lastError.clear();
  if (faulty("die", call)) {
    std::fprintf(stderr, "double: about to die in %s\n", call);
    std::fflush(stderr);
    std::_Exit(77);
  }
  while (faulty("hang", call)) std::this_thread::sleep_for(std::chrono::seconds(1));
  if (faulty("fail", call)) return failed(KT_CUDA_ERROR, "double: asked to fail");
  return KT_OK;
}

float toFloat(uint16_t bits) {
  const uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// Top-k of x . Wg, and rows in token order.
void route(kt_world& w, uint32_t tokens, uint32_t capacity) {
  const kt_shape& s = w.options.shape;
  std::vector<uint32_t> used(s.experts, 0);
  std::vector<float> logits(s.experts);
  for (uint32_t t = 0; t < tokens; ++t) {
    for (uint32_t e = 0; e < s.experts; ++e) {
      logits[e] = 0;
      for (uint32_t h = 0; h < s.hidden; ++h) logits[e] += toFloat(w.x[t * s.hidden + h]) * toFloat(w.wg[e * s.hidden + h]);
    }
    for (uint32_t k = 0; k < s.top_k; ++k) {
      const uint32_t best = static_cast<uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      logits[best] = -1e30f;
      const uint32_t row = used[best] < capacity ? used[best]++ : UINT32_MAX;
      w.choices[t * s.top_k + k] = best;
      w.rows[t * s.top_k + k] = row;
    }
  }
  if (faulty("misroute", "kt_launch") && tokens > 0) w.choices[0] ^= 1;
}

std::vector<uint8_t>* unused = nullptr;

void* tensor(kt_world& w, uint32_t which, uint64_t& bytes) {
  switch (which) {
    case KT_TENSOR_X: bytes = w.x.size() * 2; return w.x.data();
    case KT_TENSOR_WG: bytes = w.wg.size() * 2; return w.wg.data();
    case KT_TENSOR_CHOICES: bytes = w.choices.size() * 4; return w.choices.data();
    case KT_TENSOR_ROWS: bytes = w.rows.size() * 4; return w.rows.data();
    default: bytes = 0; return unused;
  }
}

uint32_t blocksOf(const kt_world& w) { return w.options.blocks == 0 ? 4 : w.options.blocks; }

/// As the kernel counts them: large tiles of wgmma take two blocks a processor.
uint32_t processorsOf(const kt_world& w) {
  const bool pairs = !faulty("alone", "kt_world_query") && w.options.gemm == KT_GEMM_WGMMA && w.options.shape.tile_rows > 64 && w.options.shape.tile_cols > 128;
  return blocksOf(w) / (pairs ? 2 : 1) - 1;
}

}  // namespace

extern "C" {

KT_API uint32_t kt_abi_version(void) noexcept { return fault().kind == "version" ? KT_ABI_VERSION + 1 : KT_ABI_VERSION; }
KT_API const char* kt_version(void) noexcept { return "kernel double"; }
KT_API const char* kt_last_error(void) noexcept { return lastError.c_str(); }

KT_API const char* kt_status_name(int32_t status) noexcept {
  static const char* names[] = {"OK",           "BAD_ARGUMENT",  "BAD_STATE",    "NO_GPU",  "CUDA_ERROR",
                                "NVSHMEM_ERROR", "OUT_OF_MEMORY", "NOT_RESIDENT", "ABORTED", "UNSUPPORTED"};
  return status >= 0 && status < 10 ? names[status] : "UNKNOWN";
}

KT_API int32_t kt_device_query(uint32_t device, kt_device_info* out) noexcept {
  if (const int32_t status = enter("kt_device_query")) return status;
  if (fault().kind == "no-gpu") return failed(KT_NO_GPU, "no CUDA driver");
  if (out->struct_size != sizeof *out) return failed(KT_BAD_ARGUMENT, "struct_size");
  if (device >= 2) return failed(KT_BAD_ARGUMENT, "device");
  std::memset(out, 0, sizeof *out);
  out->struct_size = sizeof *out;
  out->device = device;
  out->devices = 2;
  out->sms = 132;
  out->capability = 90;
  out->driver_version = 13000;
  out->memory_bytes = 141ull << 30;
  std::strcpy(out->name, "double of a GPU");
  return KT_OK;
}

KT_API int32_t kt_unique_id(uint8_t id[KT_UNIQUE_ID_BYTES]) noexcept {
  if (const int32_t status = enter("kt_unique_id")) return status;
  for (uint32_t i = 0; i < KT_UNIQUE_ID_BYTES; ++i) id[i] = static_cast<uint8_t>(i * 3 + 1);
  return KT_OK;
}

KT_API int32_t kt_join(const kt_join_options* options) noexcept {
  ownRank = options->rank;
  if (const int32_t status = enter("kt_join")) return status;
  const auto* id = options->unique_id;
  const bool alone = options->ranks == 1 && std::all_of(id, id + KT_UNIQUE_ID_BYTES, [](uint8_t byte) { return byte == 0; });
  for (uint32_t i = 0; i < KT_UNIQUE_ID_BYTES && !alone; ++i) {
    if (id[i] != static_cast<uint8_t>(i * 3 + 1)) return failed(KT_BAD_ARGUMENT, "unique_id");
  }
  if (options->symmetric_bytes < 4096) return failed(KT_BAD_ARGUMENT, "symmetric_bytes");
  std::fprintf(stderr, "double: rank %u of %u joined on device %u\n", options->rank, options->ranks, options->device);
  return KT_OK;
}

KT_API int32_t kt_barrier(void) noexcept { return enter("kt_barrier"); }
KT_API int32_t kt_leave(void) noexcept { return enter("kt_leave"); }

KT_API int32_t kt_symmetric_bytes(const kt_world_options*, uint64_t* bytes) noexcept {
  *bytes = 4096;
  return enter("kt_symmetric_bytes");
}

KT_API int32_t kt_world_open(const kt_world_options* options, kt_world** out) noexcept {
  if (const int32_t status = enter("kt_world_open")) return status;
  const kt_shape& s = options->shape;
  auto* w = new kt_world{};
  w->options = *options;
  w->placement.assign(options->placement, options->placement + s.ranks + 1);
  if (w->placement.back() != s.experts) return failed(KT_BAD_ARGUMENT, "placement does not end at experts");
  w->x.resize(static_cast<std::size_t>(s.tokens) * s.hidden);
  w->wg.resize(static_cast<std::size_t>(s.experts) * s.hidden);
  w->choices.resize(static_cast<std::size_t>(s.tokens) * s.top_k);
  w->rows.resize(w->choices.size());
  *out = w;
  return KT_OK;
}

KT_API int32_t kt_world_close(kt_world* world) noexcept {
  const int32_t status = enter("kt_world_close");
  delete world;
  return status;
}

KT_API int32_t kt_world_query(const kt_world* world, kt_world_info* out) noexcept {
  if (const int32_t status = enter("kt_world_query")) return status;
  std::memset(out, 0, sizeof *out);
  out->struct_size = sizeof *out;
  out->rank = ownRank;
  out->local_experts = world->placement[ownRank + 1] - world->placement[ownRank];
  out->blocks = blocksOf(*world);
  out->processors = processorsOf(*world);
  out->subscribers = 1;
  out->rings = out->processors + 2;
  out->epoch = world->epoch;
  return KT_OK;
}

KT_API int32_t kt_tensor_bytes(const kt_world* world, uint32_t which, uint64_t* bytes) noexcept {
  tensor(const_cast<kt_world&>(*world), which, *bytes);
  return enter("kt_tensor_bytes");
}

KT_API int32_t kt_upload(kt_world* world, uint32_t which, uint64_t offset, const void* from, uint64_t bytes) noexcept {
  if (const int32_t status = enter("kt_upload")) return status;
  uint64_t size = 0;
  void* to = tensor(*world, which, size);
  if (offset + bytes > size) return failed(KT_BAD_ARGUMENT, "upload of " + std::to_string(bytes) + " bytes over the end");
  std::memcpy(static_cast<uint8_t*>(to) + offset, from, bytes);
  return KT_OK;
}

KT_API int32_t kt_download(const kt_world* world, uint32_t which, uint64_t offset, void* to, uint64_t bytes) noexcept {
  if (const int32_t status = enter("kt_download")) return status;
  uint64_t size = 0;
  const void* from = tensor(const_cast<kt_world&>(*world), which, size);
  if (offset + bytes > size) return failed(KT_BAD_ARGUMENT, "download over the end");
  std::memcpy(to, static_cast<const uint8_t*>(from) + offset, bytes);
  return KT_OK;
}

KT_API int32_t kt_fill(kt_world*, uint32_t, uint64_t, double) noexcept { return enter("kt_fill"); }

KT_API int32_t kt_launch(kt_world* world, const kt_launch_options* options, kt_launch_result* result) noexcept {
  world->abortAsked = false;
  if (const int32_t status = enter("kt_launch")) return status;
  const bool stuck = faulty("stuck", "kt_launch");
  while (stuck && !world->abortAsked) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::memset(result, 0, sizeof *result);
  result->struct_size = sizeof *result;
  result->epoch = world->epoch;
  if (stuck || faulty("abort", "kt_launch")) {
    result->abort_code = stuck ? 2 : 1;
    result->abort_actor = 7;
    return failed(KT_ABORTED, stuck ? "launch ended at the host's request" : "deadline passed in a spin");
  }
  route(*world, options->tokens, options->capacity == 0 ? world->options.shape.capacity : options->capacity);
  result->kernels = 1;
  result->ms = 0.5f + 0.25f * static_cast<float>(ownRank);
  world->epoch += 1;
  return KT_OK;
}

KT_API int32_t kt_abort(kt_world* world) noexcept {
  world->abortAsked = true;
  return KT_OK;
}

KT_API int32_t kt_dump(const kt_world*, char* text, uint64_t capacity, uint64_t* needed) noexcept {
  const char state[] = "double: doorbells all free";
  *needed = sizeof state;
  if (capacity >= sizeof state) std::memcpy(text, state, sizeof state);
  return KT_OK;
}

/// Ring i: LaunchBegin at its anchor, one Exit 2000 ticks later. Two ticks are a nanosecond, anchors step by 32 ns.
KT_API int32_t kt_trace_read(const kt_world* world, uint32_t ring, void* header, void* records, uint32_t capacity,
                             uint32_t* stored) noexcept {
  if (const int32_t status = enter("kt_trace_read")) return status;
  const uint32_t processors = processorsOf(*world);
  const uint32_t epoch = world->epoch - 1;
  const uint32_t warp = ring <= processors ? 0 : ring - processors;
  const uint64_t start = 1'800'000'000'000'000'000ull + 1'000'000ull * epoch + 32ull * ring + 3200ull * ownRank;
  kerneltwin::TraceRingHeader h{};
  h.actor = kerneltwin::actorId(std::min(ring, processors), warp);
  h.capacity = faulty("overflow", "kt_trace_read") ? 1 : 16;
  h.written = 2;
  h.launch = epoch;
  h.anchorNs[0] = start;
  h.anchorNs[1] = start + 1024;
  h.anchorTicks[0] = 5000 + ring;
  h.anchorTicks[1] = h.anchorTicks[0] + 2048;
  std::memcpy(header, &h, sizeof h);
  const kerneltwin::TraceRecord all[2] = {
      packRecord(0, EventKind::LaunchBegin, 0, epoch, 1 + epoch % 4),
      packRecord(2000, faulty("bad-ring", "kt_trace_read") ? EventKind{} : EventKind::Exit, 0, 0, 0),
  };
  *stored = std::min({h.written, h.capacity, capacity});
  if (*stored > 0) std::memcpy(records, all, *stored * sizeof all[0]);
  return KT_OK;
}

KT_API int32_t kt_check(kt_world*, const kt_check_options* options, kt_check_result* result) noexcept {
  if (const int32_t status = enter("kt_check")) return status;
  std::memset(result, 0, sizeof *result);
  result->struct_size = sizeof *result;
  result->tokens_checked = options->stride;
  result->relative_error = faulty("wrong-output", "kt_check") ? 0.5 : 0.002;
  return KT_OK;
}

}  // extern "C"
