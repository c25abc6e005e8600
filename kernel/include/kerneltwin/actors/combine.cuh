// COMBINE of one tile: counts arrivals of its (token, column tile) pairs and, for those it completes, sums the token's rows in
// choice order in fp32 and writes the output once. The sum does not depend on who arrived last.
#pragma once

#include "kerneltwin/actors/device_policy.cuh"
#include "kerneltwin/gemm/tile.h"
#include "kerneltwin/layout/task.h"
#include "kerneltwin/protocol/arrival.h"
#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin {

KT_DEVICE uint32_t keptChoices(const LaunchArgs& args, uint32_t token) {
  const uint32_t topK = args.shape.topK;
  uint32_t kept = 0;
  for (uint32_t j = 0; j < topK; ++j) {
    kept += args.tensors.rows[static_cast<uint64_t>(token) * topK + j] != kDropped;
  }
  return kept;
}

/// Sums chunk `chunk` (eight columns) of a token's tile over its kept choices.
KT_DEVICE void sumChoices(const LaunchArgs& args, uint32_t token, uint32_t column) {
  const Shape& s = args.shape;
  const Placement placement = {args.placement, s.ranks};
  float sum[8] = {};
  for (uint32_t j = 0; j < s.topK; ++j) {
    const uint64_t entry = static_cast<uint64_t>(token) * s.topK + j;
    const uint32_t row = args.tensors.rows[entry];
    if (row == kDropped) continue;
    const ExpertHome home = placement.home(args.tensors.choices[entry]);
    const uint64_t cell = cellIndex(s, home.rank, Round::Combine, Stage::Incoming, home.slot);
    const ptx::Chunk y = ptx::loadChunkL2(args.symmetric.heap + combineOffset(s, cell, row, column));
    const float scale = args.tensors.scales[entry];
#pragma unroll
    for (uint32_t i = 0; i < 4; ++i) {
      sum[2 * i] = fmaf(scale, lowFloat(y.word[i]), sum[2 * i]);
      sum[2 * i + 1] = fmaf(scale, highFloat(y.word[i]), sum[2 * i + 1]);
    }
  }
  ptx::storeChunk(args.tensors.out + static_cast<uint64_t>(token) * s.hidden + column,
                  {{packBf16(sum[0], sum[1]), packBf16(sum[2], sum[3]), packBf16(sum[4], sum[5]),
                    packBf16(sum[6], sum[7])}});
}

/// The task, on all threads of a team: kThreads threads that know their number and meet by `sync`. `rows`: rows of the
/// expert's cell; `complete`: shared memory for tileRows words.
template <class Team>
KT_DEVICE void combineTask(const LaunchArgs& args, DeviceMemory& mem, const Task& task, uint32_t rows, uint32_t* complete) {
  const Shape& s = args.shape;
  const RowSpan span = rowSpan(s, rows, task.block);
  uint32_t& listed = control().listed;
  if (Team::thread() == 0) listed = 0;
  Team::sync();
  for (uint32_t r = Team::thread(); r < span.count; r += Team::kThreads) {
    const uint64_t place = static_cast<uint64_t>(task.expert) * s.capacity + span.begin + r;
    const uint32_t token = args.work.entryOfRow[place] / s.topK;
    const uint32_t kept = keptChoices(args, token);
    uint32_t* arrivals = &args.work.tokenArrivals[static_cast<uint64_t>(token) * gemm1Cols(s) + task.col];
    const uint32_t before = arrive<Scope::Device>(mem, arrivals, 1u, kept);
    if (before + 1 == kept) complete[ptx::add<Order::Relaxed, Scope::Block>(&listed, 1u)] = token;
  }
  Team::sync();
  const uint32_t chunks = tileWidth(s, s.hidden, task.col) / 8;
  const uint32_t work = listed * chunks;
  for (uint32_t i = Team::thread(); i < work; i += Team::kThreads) {
    sumChoices(args, complete[i / chunks], task.col * s.tileCols + i % chunks * 8);
  }
  Team::sync();
}

}  // namespace kerneltwin
