// A rank alone with everything a launch's opening touches, and the judgement of what it left behind.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "arguments.h"
#include "device.h"
#include "kerneltwin/gemm/wgmma_maps.h"
#include "opening_kernel.cuh"
#include "opening_reference.cuh"

namespace kerneltwin::bench {

/// Room for an uneven routing: half as much again as the mean, and some.
inline Shape openingShape(const ModelShape& m) {
  constexpr uint32_t kTileTokens = 256;
  const uint32_t mean = ceilDiv(m.tokens * m.topK, m.experts);
  const uint32_t capacity = std::min(roundUp(m.tokens, kTileTokens), roundUp(mean + mean / 2 + 64, kTileTokens));
  return {1, m.experts, m.experts, m.tokens, m.hidden, m.intermediate, m.topK, capacity, kTileTokens, kTileCols};
}

/// Bytes that push everything else out of L2.
inline constexpr uint64_t kFlushBytes = 256ull << 20;
/// How far fp32 sums may be from fp64: of a logit, and of a scale.
inline constexpr double kLogitTolerance = 2e-4;
inline constexpr double kScaleTolerance = 2e-4;

class OpeningProblem {
 public:
  OpeningProblem(const ModelShape& m, uint32_t blocks, uint64_t seed)
      : shape_(openingShape(m)), blocks_(blocks), seed_(seed), x_(elements(m.tokens)), wg_(elements(m.experts)),
        heap_(heapElements(shape_)), out_(elements(m.tokens)), flags_(flagCount(shape_)), choices_(entries()), rows_(entries()),
        scales_(entries()), placement_(2), counts_(static_cast<uint64_t>(blocks) * m.experts), ownRows_(counts_.count()),
        entryOfRow_(static_cast<uint64_t>(m.experts) * shape_.capacity), cellArrivals_(m.experts), barrier_(1), abort_(1),
        peerHeaps_(1), peerFlags_(1), flush_(kFlushBytes) {
    fillNoise<<<64, 256>>>(wg_.get(), wg_.count(), mix(seed), 1.0f / std::sqrt(static_cast<float>(m.hidden)));
    KT_CUDA(cudaGetLastError());
    heap_.fill(0xff);
    flags_.fill(0);
    cellArrivals_.fill(0);
    barrier_.fill(0);
    abort_.fill(0);
    placement_.copyFrom({0, m.experts});
    peerHeaps_.copyFrom({heap_.get()});
    peerFlags_.copyFrom({flags_.get()});
    cudaError_t status = cudaSuccess;
    const auto encode = findTensorMapEncoder(status);
    if (encode == nullptr) die(__FILE__, __LINE__, "cuTensorMapEncodeTiled", cudaGetErrorString(status));
    const CUresult r = encodeGateMaps(encode, gateMaps_, shape_, Dtype::Bf16, wg_.get(), x_.get());
    if (r != CUDA_SUCCESS) die(__FILE__, __LINE__, "cuTensorMapEncodeTiled", std::to_string(static_cast<int>(r)).c_str());
  }

  const Shape& shape() const { return shape_; }

  /// Other tokens, and nothing of them or of the weights in L2.
  void prepare(uint64_t launch) {
    fillNoise<<<1024, 256>>>(x_.get(), x_.count(), mix(seed_ + 1 + launch), 1.0f);
    KT_CUDA(cudaGetLastError());
    evict();
  }
  void evict() { flush_.fill(static_cast<int>(epoch_ & 0xff)); }
  void poisonRows() { heap_.fill(0xff); }

  OpeningArgs arguments() {
    LaunchArgs args = {};
    args.shape = shape_;
    args.placement = placement_.get();
    args.epoch = epoch_++;
    args.tokens = shape_.tokens;
    args.keep = shape_.capacity;
    args.renormalise = true;
    args.eager = true;
    args.deadlineNs = 2'000'000'000;
    args.tensors.x = x_.get();
    args.tensors.wg = wg_.get();
    args.tensors.out = out_.get();
    args.tensors.choices = choices_.get();
    args.tensors.rows = rows_.get();
    args.tensors.scales = scales_.get();
    args.symmetric = {heap_.get(), flags_.get(), peerHeaps_.get(), peerFlags_.get()};
    args.work.counts = counts_.get();
    args.work.ownRows = ownRows_.get();
    args.work.entryOfRow = entryOfRow_.get();
    args.work.cellArrivals = cellArrivals_.get();
    args.work.barrier = barrier_.get();
    args.work.abort = abort_.get();
    return {gateMaps_, args};
  }

  /// Everything that the last launch left, word for word.
  struct Outcome {
    std::vector<uint32_t> choices, rows, entryOfRow, cellArrivals, ownRows;
    std::vector<float> scales;
    std::vector<uint64_t> flags;
    AbortWords abort;

    bool sameBits(const Outcome& o) const {
      return choices == o.choices && rows == o.rows && std::memcmp(scales.data(), o.scales.data(), scales.size() * 4) == 0;
    }
  };

  Outcome outcome() const {
    return {download(choices_), download(rows_),   download(entryOfRow_), download(cellArrivals_),
            download(ownRows_), download(scales_), download(flags_),      download(abort_)[0]};
  }

  /// Prints what is wrong, at most a few lines; true when nothing is. `rows`: also look at the cells' rows.
  bool judge(const Outcome& o, bool rows) {
    if (o.abort.code != 0) return complain("aborted with code " + std::to_string(o.abort.code));
    return judgeChoices(o) && judgePlaces(o) && (!rows || judgeCells(o));
  }

 private:
  uint64_t elements(uint32_t lines) const { return static_cast<uint64_t>(lines) * shape_.hidden; }
  uint64_t entries() const { return static_cast<uint64_t>(shape_.tokens) * shape_.topK; }

  template <class T>
  static std::vector<T> download(const Buffer<T>& from) {
    std::vector<T> to(from.count());
    KT_CUDA(cudaMemcpy(to.data(), from.get(), to.size() * sizeof(T), cudaMemcpyDeviceToHost));
    return to;
  }

  static bool complain(const std::string& what) {
    std::printf("WRONG %s\n", what.c_str());
    return false;
  }

  bool judgeChoices(const Outcome& o) {
    const uint32_t experts = shape_.experts;
    const uint32_t topK = shape_.topK;
    Buffer<double> buffer(static_cast<uint64_t>(shape_.tokens) * experts);
    routerLogits<<<shape_.tokens, 256>>>(x_.get(), wg_.get(), shape_.hidden, experts, buffer.get());
    KT_CUDA(cudaGetLastError());
    const std::vector<double> logits = download(buffer);
    for (uint32_t t = 0; t < shape_.tokens; ++t) {
      const double* logit = &logits[static_cast<uint64_t>(t) * experts];
      const uint32_t* choice = &o.choices[static_cast<uint64_t>(t) * topK];
      std::vector<bool> chosen(experts, false);
      double sum = 0;
      for (uint32_t j = 0; j < topK; ++j) {
        const std::string where = "token " + std::to_string(t) + " choice " + std::to_string(j);
        if (choice[j] >= experts || chosen[choice[j]]) return complain(where + ": no expert, or twice the same");
        chosen[choice[j]] = true;
        if (j > 0 && logit[choice[j]] > logit[choice[j - 1]] + kLogitTolerance) return complain(where + ": out of order");
        sum += std::exp(logit[choice[j]] - logit[choice[0]]);
      }
      for (uint32_t e = 0; e < experts; ++e) {
        if (!chosen[e] && logit[e] > logit[choice[topK - 1]] + kLogitTolerance) {
          return complain("token " + std::to_string(t) + ": expert " + std::to_string(e) + " beats its last choice");
        }
      }
      for (uint32_t j = 0; j < topK; ++j) {
        const double want = std::exp(logit[choice[j]] - logit[choice[0]]) / sum;
        const double got = o.scales[static_cast<uint64_t>(t) * topK + j];
        if (!(std::fabs(got - want) <= kScaleTolerance)) {
          return complain("token " + std::to_string(t) + ": scale " + std::to_string(got) + ", expected " +
                          std::to_string(want));
        }
      }
    }
    return true;
  }

  /// Rows in token order, the table from rows to tokens, counters back at zero, a signal for every cell.
  bool judgePlaces(const Outcome& o) {
    std::vector<uint32_t> next(shape_.experts, 0);
    for (uint64_t i = 0; i < entries(); ++i) {
      const uint32_t expert = o.choices[i];
      const uint32_t row = next[expert]++;
      const std::string where = "entry " + std::to_string(i) + " of expert " + std::to_string(expert);
      if (o.rows[i] != (row < shape_.capacity ? row : kDropped)) {
        return complain(where + ": row " + std::to_string(o.rows[i]) + ", expected " + std::to_string(row));
      }
      if (row < shape_.capacity && o.entryOfRow[static_cast<uint64_t>(expert) * shape_.capacity + row] != i) {
        return complain(where + ": not the entry of its row");
      }
    }
    uint32_t tiles = 0;
    for (uint32_t& n : next) tiles += rowBlocks(shape_, n = std::min(n, shape_.capacity));
    for (uint32_t e = 0; e < shape_.experts; ++e) {
      const std::string where = "expert " + std::to_string(e);
      for (uint32_t b = 0; b + 1 < blocks_; ++b) {
        const uint32_t own = o.ownRows[static_cast<uint64_t>(b) * shape_.experts + e];
        if (own == next[e]) continue;
        return complain(where + ": block " + std::to_string(b) + " keeps " + std::to_string(own) + " rows, expected " +
                        std::to_string(next[e]));
      }
      if (o.cellArrivals[e] != 0) return complain(where + ": its counter is not back at zero");
      if (o.flags[e] == packSignal({epochState(epoch_ - 1), next[e], tiles})) continue;
      return complain(where + ": its signal is not that of this launch");
    }
    return true;
  }

  bool judgeCells(const Outcome& o) {
    std::vector<uint32_t> tokens(entryOfRow_.count(), 0xffffffffu);
    for (uint64_t i = 0; i < entries(); ++i) {
      if (o.rows[i] == kDropped) continue;
      tokens[static_cast<uint64_t>(o.choices[i]) * shape_.capacity + o.rows[i]] = static_cast<uint32_t>(i / shape_.topK);
    }
    Buffer<uint32_t> tokensOnDevice(tokens.size());
    tokensOnDevice.copyFrom(tokens);
    Buffer<unsigned long long> wrong(1);
    wrong.fill(0);
    judgeRows<<<dim3(256, shape_.experts), 256>>>(shape_, x_.get(), heap_.get(), tokensOnDevice.get(), wrong.get());
    KT_CUDA(cudaGetLastError());
    const unsigned long long count = download(wrong)[0];
    return count == 0 || complain(std::to_string(count) + " elements of the cells' rows");
  }

  Shape shape_;
  uint32_t blocks_;
  uint64_t seed_;
  uint32_t epoch_ = 0;
  Buffer<bf16> x_, wg_, heap_, out_;
  Buffer<uint64_t> flags_;
  Buffer<uint32_t> choices_, rows_;
  Buffer<float> scales_;
  Buffer<uint32_t> placement_, counts_, ownRows_, entryOfRow_, cellArrivals_;
  Buffer<uint64_t> barrier_;
  Buffer<AbortWords> abort_;
  Buffer<bf16*> peerHeaps_;
  Buffer<uint64_t*> peerFlags_;
  Buffer<char> flush_;
  GateMaps gateMaps_;
};

}  // namespace kerneltwin::bench
