#include "reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "fill.h"
#include "launch_kernel.h"
#include "oracle.h"
#include "reference_kernels.cuh"

namespace kerneltwin {
namespace {

using namespace reference;

/// Everything one check needs, made once.
struct Check {
  World& world;
  const WorldOptions& options;
  const Shape& shape;
  uint32_t tokens;
  uint32_t keep;
  std::vector<uint32_t> choices;
  std::vector<uint32_t> rows;
  DeviceArray<double> scales;
  DeviceArray<double> out;

  explicit Check(World& w)
      : world(w), options(w.options()), shape(w.options().shape), tokens(w.last()->tokens), keep(w.last()->keep),
        choices(static_cast<uint64_t>(tokens) * shape.topK), rows(choices.size()), scales(choices.size()),
        out(static_cast<uint64_t>(tokens) * shape.hidden) {
    w.download(KT_TENSOR_CHOICES, 0, choices.data(), choices.size() * 4);
    w.download(KT_TENSOR_ROWS, 0, rows.data(), rows.size() * 4);
    out.clear();
  }

  template <class T>
  T* data(uint32_t which) const { return static_cast<T*>(world.tensor(which).data); }
  cudaStream_t stream() const { return world.stream(); }
};

void checkRouting(Check& c, kt_check_result& result) {
  const uint32_t experts = c.shape.experts;
  DeviceArray<double> logits(static_cast<uint64_t>(c.tokens) * experts);
  DeviceArray<RoutingVerdict> verdicts(c.tokens);
  launchKernel(routerLogits, c.tokens, 256, c.stream(), c.data<bf16>(KT_TENSOR_X), c.data<bf16>(KT_TENSOR_WG), c.options.dtype, logits.get(),
               experts, c.shape.hidden);
  launchKernel(judgeRouting, (c.tokens + 127) / 128, 128, c.stream(), logits.get(), c.data<uint32_t>(KT_TENSOR_CHOICES),
               c.data<float>(KT_TENSOR_SCALES), c.scales.get(), verdicts.get(), c.tokens, experts, c.shape.topK,
               c.options.given, c.options.renormalise);
  KT_CUDA(cudaStreamSynchronize(c.stream()));
  std::vector<RoutingVerdict> host(c.tokens);
  verdicts.download(host.data(), host.size());
  for (const RoutingVerdict& v : host) {
    result.routing_mismatches += v.mismatches;
    result.routing_near_ties += v.nearTies;
    result.scale_mismatches += v.scaleMismatches;
  }
}

void checkPlacing(const Check& c, kt_check_result& result) {
  for (uint32_t choice : c.choices) {
    if (choice >= c.shape.experts) return;  // counted as a routing mismatch; rows mean nothing then
  }
  const std::vector<uint32_t> expected = placeInTokenOrder(c.choices, c.shape.experts, c.keep);
  for (size_t i = 0; i < expected.size(); ++i) {
    result.placement_mismatches += expected[i] != c.rows[i];
    result.dropped += expected[i] == kDropped;
  }
}

template <class A, class Store>
void product(A a, const bf16* w, uint32_t rows, uint32_t columns, Store to, cudaStream_t stream) {
  const dim3 grid((columns + kSide - 1) / kSide, (rows + kSide - 1) / kSide);
  launchKernel(multiply<A, Store>, grid, 256, stream, a, w, rows, columns, to);
}

FillRecord recordOf(const World& world, uint32_t which) {
  const auto& filled = world.filled(which);
  if (!filled) {
    throw Failure(KT_BAD_STATE, std::string("kt_check: ") + world.tensor(which).name +
                                    " was not made by kt_fill, so other ranks' experts cannot be made again");
  }
  return *filled;
}

/// One expert's weights, made again from the seeds: not read from where the kernel reads them.
struct ExpertWeights {
  DeviceArray<bf16> w1, w2;
  DeviceArray<float> b1, b2;

  explicit ExpertWeights(const Check& c)
      : w1(static_cast<uint64_t>(w1Rows(c.shape)) * c.shape.hidden),
        w2(static_cast<uint64_t>(c.shape.hidden) * c.shape.intermediate), b1(c.options.bias ? w1Rows(c.shape) : 0),
        b2(c.options.bias ? c.shape.hidden : 0) {}

  void make(const Check& c, uint32_t expert) {
    const auto matrix = [&](uint32_t which, DeviceArray<bf16>& array) {
      const FillRecord record = recordOf(c.world, which);
      fillElements(array.get(), c.options.dtype, array.count(), 1, FillKey{record.seed, which, expert}, record.amplitude, c.stream());
    };
    const auto bias = [&](uint32_t which, DeviceArray<float>& array) {
      if (array.count() == 0) return;
      const FillRecord record = recordOf(c.world, which);
      fillFloat(array.get(), array.count(), 1, FillKey{record.seed, which, expert}, record.amplitude, c.stream());
    };
    matrix(KT_TENSOR_W1, w1);
    matrix(KT_TENSOR_W2, w2);
    bias(KT_TENSOR_B1, b1);
    bias(KT_TENSOR_B2, b2);
  }
};

/// Adds every kept choice's contribution, expert by expert.
void computeOutputs(Check& c, uint32_t stride) {
  const Shape& s = c.shape;
  std::vector<std::vector<uint32_t>> entries(s.experts);
  for (size_t i = 0; i < c.choices.size(); ++i) {
    const bool wanted = i / s.topK % stride == 0 && c.rows[i] != kDropped && c.choices[i] < s.experts;
    if (wanted) entries[c.choices[i]].push_back(static_cast<uint32_t>(i));
  }
  size_t most = 0;
  for (const auto& list : entries) most = std::max(most, list.size());
  if (most == 0) return;
  ExpertWeights weights(c);
  DeviceArray<double> sums(most * w1Rows(s));
  DeviceArray<double> inner(most * s.intermediate);
  DeviceArray<uint32_t> tokenOf(most);
  DeviceArray<uint32_t> entryOf(most);
  for (uint32_t e = 0; e < s.experts; ++e) {
    const auto& list = entries[e];
    if (list.empty()) continue;
    const uint32_t rows = static_cast<uint32_t>(list.size());
    std::vector<uint32_t> tokens(list);
    for (uint32_t& t : tokens) t /= s.topK;
    KT_CUDA(cudaStreamSynchronize(c.stream()));
    tokenOf.upload(tokens.data(), rows);
    entryOf.upload(list.data(), rows);
    weights.make(c, e);
    product(Rows<bf16>{c.data<bf16>(KT_TENSOR_X), tokenOf.get(), s.hidden, c.options.dtype}, weights.w1.get(), rows, w1Rows(s),
            StoreBiased{sums.get(), weights.b1.get(), w1Rows(s)}, c.stream());
    const uint32_t blocks = static_cast<uint32_t>((static_cast<uint64_t>(rows) * s.intermediate + 255) / 256);
    launchKernel(activateRows, blocks, 256, c.stream(), sums.get(), inner.get(), rows, s.intermediate, c.options.activation);
    product(Rows<double>{inner.get(), nullptr, s.intermediate, c.options.dtype}, weights.w2.get(), rows, s.hidden,
            AddScaled{c.out.get(), weights.b2.get(), c.scales.get(), entryOf.get(), s.topK, s.hidden}, c.stream());
  }
  KT_CUDA(cudaStreamSynchronize(c.stream()));
}

void judge(const Check& c, uint32_t stride, kt_check_result& result) {
  DeviceArray<TokenVerdict> verdicts(c.tokens);
  launchKernel(judgeOutput, c.tokens, 32, c.stream(), c.data<bf16>(KT_TENSOR_OUT), c.options.dtype, c.out.get(), verdicts.get(),
               c.shape.hidden, kPoison);
  KT_CUDA(cudaStreamSynchronize(c.stream()));
  std::vector<TokenVerdict> host(c.tokens);
  verdicts.download(host.data(), host.size());
  double difference = 0.0;
  double norm = 0.0;
  for (uint32_t t = 0; t < c.tokens; ++t) {
    result.unwritten += host[t].unwritten;
    result.not_finite += host[t].notFinite;
    if (t % stride != 0) continue;
    ++result.tokens_checked;
    difference += host[t].difference;
    norm += host[t].norm;
    if (host[t].worst <= result.max_error) continue;
    result.max_error = host[t].worst;
    result.worst_token = t;
    result.worst_column = host[t].worstColumn;
  }
  result.reference_norm = std::sqrt(norm);
  // Elements that are not finite have no difference; with any of them the error is not a number that could pass.
  if (result.not_finite > 0) result.relative_error = std::numeric_limits<double>::infinity();
  else if (norm > 0.0) result.relative_error = std::sqrt(difference / norm);
  else result.relative_error = difference > 0.0 ? std::numeric_limits<double>::infinity() : 0.0;
}

}  // namespace

void checkAgainstReference(World& world, uint32_t stride, kt_check_result& result) {
  if (!world.last()) throw Failure(KT_BAD_STATE, "kt_check: nothing was launched yet");
  if (world.last()->abort.code != 0) throw Failure(KT_BAD_STATE, "kt_check: the last launch was aborted");
  const uint32_t size = result.struct_size;
  result = {};
  result.struct_size = size;
  if (world.last()->tokens == 0) return;
  for (uint32_t which : {KT_TENSOR_W1, KT_TENSOR_W2}) recordOf(world, which);
  Check check(world);
  checkRouting(check, result);
  checkPlacing(check, result);
  computeOutputs(check, std::max(stride, 1u));
  judge(check, std::max(stride, 1u), result);
}

}  // namespace kerneltwin
