// Arithmetic of the wgmma tile: shared-memory layout, matrix descriptors, token widths and which thread holds what. Plain
// functions for device and host, so that a CPU test can prove them.
//
// A tile is D[token][column] = sum over k of weights[column][k] * tokens[token][k]. Weights are the M operand, tokens the N
// operand, both K-major. Two consumer warpgroups hold half of the tile's columns each, for all its tokens.
#pragma once

#include <cstdint>

#include "kerneltwin/gemm/element.h"
#include "kerneltwin/layout/host_device.h"

namespace kerneltwin {

/// Warps of a block by role: a warpgroup that feeds (copies, mailbox), then the warpgroups that multiply.
inline constexpr uint32_t kWarpgroupThreads = 128;
inline constexpr uint32_t kConsumerGroups = 2;
inline constexpr uint32_t kConsumerThreads = kConsumerGroups * kWarpgroupThreads;
inline constexpr uint32_t kConsumerWarps = kConsumerThreads / 32;
inline constexpr uint32_t kPipelineThreads = kWarpgroupThreads + kConsumerThreads;
/// Warps of the feeding warpgroup that neither feed nor keep the mailbox: they run the tasks that are not tiles.
inline constexpr uint32_t kAideWarps = 2;
inline constexpr uint32_t kAideThreads = kAideWarps * 32;
/// Shared memory the aides have to themselves.
inline constexpr uint32_t kAideBytes = 4096;

/// K elements of a stage: one 128-byte line a row, the width of the widest swizzle.
inline constexpr uint32_t kStageDepth = 64;
inline constexpr uint32_t kLineBytes = kStageDepth * 2;
/// K elements of one wgmma, and its fixed number of weight rows.
inline constexpr uint32_t kProductDepth = 16;
inline constexpr uint32_t kFragmentRows = 64;
/// Widest token axis of one wgmma, in groups of 8 tokens. A wider tile takes a second product for the rest: two of half the
/// width would read as much shared memory, but their accumulators could not share registers with the narrower tiles'.
inline constexpr uint32_t kMostGroups = 32;

/// Address granularity of the 128-byte swizzle: 8 lines.
inline constexpr uint32_t kSwizzleBytes = 8 * kLineBytes;

/// Byte of 16-byte chunk `chunk` of line `row` in a tile of 128-byte lines: the layout the copy engine writes and wgmma
/// reads with the 128-byte swizzle. The tile starts at a multiple of kSwizzleBytes.
KT_HD uint32_t swizzledOffset(uint32_t row, uint32_t chunk) { return row * kLineBytes + ((chunk ^ (row % 8)) * 16); }

/// wgmma's descriptor of a K-major operand with the 128-byte swizzle: address / 16 in bits 0 to 13; bits 16 to 29 unused
/// with this swizzle (1 by convention); 1024 bytes from 8 rows to the next 8, / 16, in bits 32 to 45; swizzle mode 1 in bits
/// 62 and 63. Only the low word depends on the address, so that is what loops carry.
KT_HD uint32_t descriptorLow(uint32_t address) { return (address & 0x3ffff) >> 4 | 1u << 16; }

inline constexpr uint32_t kDescriptorHigh = kSwizzleBytes >> 4 | 1u << 30;

KT_HD uint64_t matrixDescriptor(uint32_t low) { return static_cast<uint64_t>(kDescriptorHigh) << 32 | low; }

/// What `bytes` further on in shared memory adds to a descriptor's low word: 32 bytes per 16 elements of K, 1024 per 8 rows.
KT_HD uint32_t descriptorStep(uint32_t bytes) { return bytes >> 4; }

/// Row of the 64-row fragment and token that accumulator `index` of warpgroup thread `thread` holds.
struct AccumulatorPlace {
  uint32_t row;
  uint32_t token;
};

KT_HD AccumulatorPlace accumulatorPlace(uint32_t thread, uint32_t index) {
  const uint32_t lane = thread % 32;
  return {thread / 32 * 16 + index / 2 % 2 * 8 + lane / 4, index / 4 * 8 + lane % 4 * 2 + index % 2};
}

/// Groups of 8 tokens of a row block of `rows` tokens: what its products compute and its boxes load.
KT_HD uint32_t tokenGroups(uint32_t rows) { return (rows + 7) / 8; }

/// Token rows reach shared memory in boxes of 8 << b rows, largest first: the binary digits of the groups.
inline constexpr uint32_t kTokenBoxes = 6;
KT_HD uint32_t boxRows(uint32_t b) { return 8u << b; }

/// Tile shape and shared memory of one pipeline.
///
/// `Fragments`: 64-row fragments of weights a consumer warpgroup multiplies (1: tiles of 128 columns, 2: 256).
/// `Tokens`: most tokens of a tile. `Stages`: depth of the ring. `PassTokens`: tokens of one pass of the epilogue, of which
/// `PassBuffers` are under way.
/// `Ctas`: blocks of a cluster that share a task: each multiplies its part of the columns, and every token row crosses from L2
/// once for all of them.
/// `E`: what the operands and results are made of.
template <uint32_t Fragments, uint32_t Tokens, uint32_t Stages, uint32_t PassTokens, uint32_t PassBuffers, uint32_t Ctas = 1,
          class E = Bf16Element>
struct TileConfig {
  using Element = E;
  static constexpr uint32_t kCtas = Ctas;
  static constexpr uint32_t kFragments = Fragments;
  static constexpr uint32_t kTokens = Tokens;
  static constexpr uint32_t kStages = Stages;
  static constexpr uint32_t kPassTokens = PassTokens;
  static constexpr uint32_t kPassBuffers = PassBuffers;

  static constexpr uint32_t kGroupColumns = Fragments * kFragmentRows;            ///< of one warpgroup
  static constexpr uint32_t kColumns = kConsumerGroups * kGroupColumns;           ///< of one block's tile
  static constexpr uint32_t kTaskColumns = Ctas * kColumns;                       ///< of a task
  static constexpr uint32_t kGroups = Tokens / 8;
  static constexpr uint32_t kFragmentAccumulators = Tokens / 2;                   ///< floats of a thread per fragment
  static constexpr uint32_t kAccumulators = Fragments * kFragmentAccumulators;

  static constexpr uint32_t kWeightBytes = kColumns * kLineBytes;
  static constexpr uint32_t kTokenBytes = Tokens * kLineBytes;
  static constexpr uint32_t kStageBytes = kWeightBytes + kTokenBytes;
  static constexpr uint32_t kRingBytes = Stages * kStageBytes;
  static constexpr uint32_t kPassBytes = PassBuffers * PassTokens * kLineBytes;   ///< of one warpgroup
  static constexpr uint32_t kTileBytes = kRingBytes + kConsumerGroups * kPassBytes + kAideBytes;

  static_assert(Fragments == 1 || Fragments == 2);
  static_assert(Ctas == 1 || Ctas == 2);
  static_assert(Tokens % 8 == 0 && Tokens <= 320 && (Tokens <= 256 || Fragments == 1));
  static_assert(PassTokens % 16 == 0 && (PassBuffers == 1 || PassBuffers == 2) && kStageBytes % kSwizzleBytes == 0);
  static_assert(kAccumulators <= 192, "accumulators, addresses and bias of a thread must fit its registers");
  static_assert(Stages >= 2 && Stages <= 16);
};

/// Registers of a thread by role; 128 * feeder + 256 * consumer stays within the block's 65536.
inline constexpr int kFeederRegisters = 72;
inline constexpr int kConsumerRegisters = 216;
static_assert(kWarpgroupThreads * kFeederRegisters + kConsumerThreads * kConsumerRegisters <= 65536);

/// Shared memory a block may have on sm_90.
inline constexpr uint32_t kSharedLimit = 227 * 1024;

}  // namespace kerneltwin
