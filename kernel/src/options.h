// A world's options, checked: what kt_world_options says, in the layout's own types.
#pragma once

#include <cstdint>
#include <vector>

#include "kerneltwin/actors/launch_args.h"
#include "kerneltwin/api.h"

namespace kerneltwin {

struct WorldOptions {
  Shape shape;
  std::vector<uint32_t> placement;
  uint32_t blocks;
  kt_transport transport;
  kt_gemm gemm;
  bool eager;
  Scheduling scheduling;
  Activation activation;
  Dtype dtype;
  bool renormalise;
  bool bias;
  bool given;
  uint32_t traceRecords;
  uint64_t deadlineNs;

  uint32_t localExperts(uint32_t rank) const { return placement[rank + 1] - placement[rank]; }
};

/// Throws KT_BAD_ARGUMENT naming the field, the expected range and the value; KT_UNSUPPORTED for legal worlds that this
/// build cannot serve.
WorldOptions checkOptions(const kt_world_options& options);

/// Bytes of a world's symmetric memory on each rank.
uint64_t heapBytes(const Shape& shape);
uint64_t flagBytes(const Shape& shape);

/// A number that differs when two ranks disagree on anything they must share.
uint64_t optionsHash(const WorldOptions& options);

}  // namespace kerneltwin
