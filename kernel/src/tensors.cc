// A world's tensors: sizes, copies in and out, random fills.
#include <cmath>
#include <cstring>
#include <string>

#include "fill.h"
#include "world.h"

namespace kerneltwin {
namespace {

/// Amplitudes that keep logits and activations near one, whatever the shape.
float defaultAmplitude(const Shape& s, uint32_t which) {
  switch (which) {
    case KT_TENSOR_X: return 1.0f;
    case KT_TENSOR_WG: return 2.0f / std::sqrt(static_cast<float>(s.hidden));
    case KT_TENSOR_W1: return std::sqrt(3.0f / static_cast<float>(s.hidden));
    case KT_TENSOR_W2: return std::sqrt(3.0f / static_cast<float>(s.intermediate));
    default: return 0.5f;
  }
}

void checkChoices(const Shape& s, const uint32_t* choices, uint64_t count) {
  for (uint64_t token = 0; token * s.topK < count; ++token) {
    for (uint32_t j = 0; j < s.topK; ++j) {
      const uint32_t expert = choices[token * s.topK + j];
      const std::string name = "CHOICES[" + std::to_string(token) + "][" + std::to_string(j) + "]";
      require(expert < s.experts, name, "less than shape.experts = " + std::to_string(s.experts), expert);
      for (uint32_t i = 0; i < j; ++i) {
        require(choices[token * s.topK + i] != expert, name, "different from the token's other choices", expert);
      }
    }
  }
}

}  // namespace

TensorView World::tensor(uint32_t which) const {
  switch (which) {
    case KT_TENSOR_X: return {x_.get(), x_.bytes(), 2, "X"};
    case KT_TENSOR_WG: return {wg_.get(), wg_.bytes(), 2, "WG"};
    case KT_TENSOR_W1: return {w1_.get(), w1_.bytes(), 2, "W1"};
    case KT_TENSOR_B1: return {b1_.get(), b1_.bytes(), 4, "B1"};
    case KT_TENSOR_W2: return {w2_.get(), w2_.bytes(), 2, "W2"};
    case KT_TENSOR_B2: return {b2_.get(), b2_.bytes(), 4, "B2"};
    case KT_TENSOR_OUT: return {out_.get(), out_.bytes(), 2, "OUT"};
    case KT_TENSOR_CHOICES: return {choices_.get(), choices_.bytes(), 4, "CHOICES"};
    case KT_TENSOR_ROWS: return {rows_.get(), rows_.bytes(), 4, "ROWS"};
    case KT_TENSOR_SCALES: return {scales_.get(), scales_.bytes(), 4, "SCALES"};
    default: refuse("tensor", "a kt_tensor", std::to_string(which));
  }
}

void World::upload(uint32_t which, uint64_t offset, const void* from, uint64_t bytes) {
  const TensorView view = tensor(which);
  if (which == KT_TENSOR_ROWS || which == KT_TENSOR_SCALES) {
    refuse("tensor", "an input", std::string(view.name) + ", which the kernel writes");
  }
  require(offset <= view.bytes && bytes <= view.bytes - offset, std::string(view.name) + ": offset + bytes",
          "at most " + std::to_string(view.bytes), offset + bytes);
  if (which == KT_TENSOR_CHOICES) {
    require(offset % (4 * options_.shape.topK) == 0 && bytes % (4 * options_.shape.topK) == 0, "CHOICES: offset and bytes",
            "whole tokens", offset + bytes);
    checkChoices(options_.shape, static_cast<const uint32_t*>(from), bytes / 4);
  }
  KT_CUDA(cudaMemcpy(static_cast<char*>(view.data) + offset, from, bytes, cudaMemcpyHostToDevice));
  filled_[which].reset();
}

void World::download(uint32_t which, uint64_t offset, void* to, uint64_t bytes) const {
  const TensorView view = tensor(which);
  require(offset <= view.bytes && bytes <= view.bytes - offset, std::string(view.name) + ": offset + bytes",
          "at most " + std::to_string(view.bytes), offset + bytes);
  KT_CUDA(cudaMemcpy(to, static_cast<const char*>(view.data) + offset, bytes, cudaMemcpyDeviceToHost));
}

void World::fill(uint32_t which, uint64_t seed, double amplitude) {
  const Shape& s = options_.shape;
  const TensorView view = tensor(which);
  if (which > KT_TENSOR_B2) refuse("tensor", "X, WG, W1, B1, W2 or B2", view.name);
  if (!(amplitude >= 0.0) || !std::isfinite(amplitude)) refuse("amplitude", "finite, not negative", std::to_string(amplitude));
  const float a = amplitude == 0.0 ? defaultAmplitude(s, which) : static_cast<float>(amplitude);
  const uint64_t elements = view.bytes / view.elementBytes;
  const bool perExpert = which != KT_TENSOR_X && which != KT_TENSOR_WG;
  const uint32_t owners = perExpert ? localExperts() : 1;
  const uint32_t first = perExpert ? options_.placement[rank()] : which == KT_TENSOR_X ? rank() : 0;
  const FillKey key = {seed, which, first};
  if (view.elementBytes == 2) fillElements(static_cast<bf16*>(view.data), options_.dtype, elements / owners, owners, key, a, stream());
  else fillFloat(static_cast<float*>(view.data), elements / owners, owners, key, a, stream());
  KT_CUDA(cudaStreamSynchronize(stream()));
  filled_[which] = FillRecord{seed, a};
}

}  // namespace kerneltwin
