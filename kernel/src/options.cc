#include "options.h"

#include <string>

#include "failure.h"
#include "fill_value.h"
#include "kernel_variant.h"

namespace kerneltwin {
namespace {

Shape shapeOf(const kt_shape& s, Activation activation) {
  return {s.ranks, s.experts,  s.slots,     s.tokens,    s.hidden,           s.intermediate,
          s.top_k, s.capacity, s.tile_rows, s.tile_cols, isGated(activation)};
}

void unsupported(bool holds, const std::string& message) {
  if (!holds) throw Failure(KT_UNSUPPORTED, message);
}

void checkShape(const Shape& s) {
  require(s.ranks >= 1 && s.ranks <= kMaxRanks, "shape.ranks", "1 to " + std::to_string(kMaxRanks), s.ranks);
  require(s.experts >= 1, "shape.experts", "at least 1", s.experts);
  require(s.tokens >= 1, "shape.tokens", "at least 1", s.tokens);
  require(s.topK >= 1 && s.topK <= kMaxTopK, "shape.top_k", "1 to " + std::to_string(kMaxTopK), s.topK);
  require(s.topK <= s.experts, "shape.top_k", "at most shape.experts", s.topK);
  require(s.hidden >= 64 && s.hidden % 64 == 0, "shape.hidden", "a multiple of 64", s.hidden);
  require(s.intermediate >= 64 && s.intermediate % 64 == 0, "shape.intermediate", "a multiple of 64", s.intermediate);
  require(s.tileRows >= kRowStep && s.tileRows % kRowStep == 0, "shape.tile_rows", "a multiple of 8", s.tileRows);
  require(s.intermediate < 1u << 30, "shape.intermediate", "less than 2^30", s.intermediate);
  require(s.tileCols >= 64 && s.tileCols % 64 == 0, "shape.tile_cols", "a multiple of 64", s.tileCols);
  require(s.capacity >= s.tileRows && s.capacity % s.tileRows == 0, "shape.capacity", "a multiple of shape.tile_rows",
          s.capacity);
  unsupported(s.experts <= kMaxExperts, "shape.experts: this build's tables hold " + std::to_string(kMaxExperts) +
                                            ", got " + std::to_string(s.experts));
  unsupported(static_cast<uint64_t>(s.capacity) * s.hidden < (1ull << 31),
              "shape: a cell must stay under 2^31 elements");
  unsupported(static_cast<uint64_t>(s.tokens) * s.topK < (1ull << 31), "shape: tokens * top_k must stay under 2^31");
  unsupported(packetLimits(s), "shape: a task index, flag index, row or count does not fit its packet field");
}

void checkPlacement(const Shape& s, const std::vector<uint32_t>& base) {
  require(base.front() == 0, "placement[0]", "0", base.front());
  require(base.back() == s.experts, "placement[ranks]", "shape.experts = " + std::to_string(s.experts), base.back());
  for (uint32_t r = 0; r < s.ranks; ++r) {
    const std::string name = "placement: experts of rank " + std::to_string(r);
    require(base[r + 1] >= base[r], name, "prefix sums that do not fall", base[r + 1]);
    const uint32_t local = base[r + 1] - base[r];
    require(local <= s.slots, name, "at most shape.slots = " + std::to_string(s.slots), local);
    unsupported(local > 0, name + ": none. Nobody would signal it, so it could run two epochs ahead of its peers");
  }
}

/// Coordinates of the copy engine are signed 32-bit numbers.
void checkMatrices(const Shape& s) {
  const uint64_t limit = 1ull << 31;
  unsupported(heapRows(s) < limit, "gemm: wgmma needs a heap of fewer than 2^31 rows, got " + std::to_string(heapRows(s)));
  const uint64_t widest = w1Rows(s) > s.hidden ? w1Rows(s) : s.hidden;
  const uint64_t rows = s.slots * widest;
  unsupported(rows < limit, "gemm: wgmma needs fewer than 2^31 weight rows on a rank, got " + std::to_string(rows));
}

}  // namespace

WorldOptions checkOptions(const kt_world_options& o) {
  require(o.struct_size == sizeof(kt_world_options), "kt_world_options.struct_size",
          std::to_string(sizeof(kt_world_options)), o.struct_size);
  WorldOptions w;
  require(o.activation <= KT_ACTIVATION_GEGLU, "activation", "a kt_activation", o.activation);
  w.activation = static_cast<Activation>(o.activation);
  w.shape = shapeOf(o.shape, w.activation);
  checkShape(w.shape);
  if (o.placement == nullptr) refuse("placement", "ranks + 1 prefix sums", "null");
  w.placement.assign(o.placement, o.placement + w.shape.ranks + 1);
  checkPlacement(w.shape, w.placement);
  require(o.blocks == 0 || (o.blocks >= 2 && o.blocks <= kMaxProcessors + 1), "blocks",
          "0, or 2 to " + std::to_string(kMaxProcessors + 1), o.blocks);
  require(o.transport <= KT_TRANSPORT_PUT, "transport", "a kt_transport", o.transport);
  require(o.readiness <= KT_READY_LAZY, "readiness", "a kt_readiness", o.readiness);
  require(o.policy <= KT_POLICY_INTERLEAVE, "policy", "a kt_policy", o.policy);
  require(o.gate <= KT_GATE_GIVEN, "gate", "a kt_gate", o.gate);
  require(o.gemm <= KT_GEMM_WGMMA, "gemm", "a kt_gemm", o.gemm);
  require(o.dtype <= KT_DTYPE_FP16, "dtype", "a kt_dtype", o.dtype);
  require(o.renormalise <= 1, "renormalise", "0 or 1", o.renormalise);
  require(o.bias <= 1, "bias", "0 or 1", o.bias);
  w.blocks = o.blocks;
  w.transport = static_cast<kt_transport>(o.transport);
  w.gemm = static_cast<kt_gemm>(o.gemm);
  w.dtype = static_cast<Dtype>(o.dtype);
  chooseVariant(w.transport, w.gemm, w.dtype, w.shape, o.trace_records > 0);
  if (w.gemm == KT_GEMM_WGMMA) checkMatrices(w.shape);
  w.eager = o.readiness == KT_READY_EAGER;
  w.scheduling = static_cast<Scheduling>(o.policy);
  w.renormalise = o.renormalise != 0;
  w.bias = o.bias != 0;
  w.given = o.gate == KT_GATE_GIVEN;
  w.traceRecords = o.trace_records;
  w.deadlineNs = o.deadline_ns == 0 ? 2'000'000'000ull : o.deadline_ns;
  return w;
}

uint64_t heapBytes(const Shape& s) { return heapElements(s) * sizeof(bf16); }
uint64_t flagBytes(const Shape& s) { return flagCount(s) * sizeof(uint64_t); }

uint64_t optionsHash(const WorldOptions& o) {
  uint64_t hash = 0;
  const auto take = [&](uint64_t value) { hash = mixBits(hash ^ value) + 0x9e3779b97f4a7c15ull; };
  const Shape& s = o.shape;
  for (uint32_t field :
       {s.ranks, s.experts, s.slots, s.tokens, s.hidden, s.intermediate, s.topK, s.capacity, s.tileRows, s.tileCols}) {
    take(field);
  }
  for (uint32_t base : o.placement) take(base);
  take(o.transport);
  take(o.gemm);
  take(static_cast<uint64_t>(o.activation));
  take(static_cast<uint64_t>(o.dtype));
  take(o.renormalise);
  take(o.bias);
  return hash;
}

}  // namespace kerneltwin
