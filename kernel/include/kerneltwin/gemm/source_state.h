// What a processor's mailbox needs to know of its launch.
#pragma once

#include "kerneltwin/gemm/wgmma_task.h"
#include "kerneltwin/layout/placement.h"
#include "kerneltwin/protocol/processor.h"

namespace kerneltwin {

/// Fixed for a launch. In the block's shared memory on the device: the clerk has few registers.
struct SourceState {
  ProcessorState processor;
  TilePlaces places;
  Placement placement;
  uint32_t rank;
  uint32_t epoch;
};

}  // namespace kerneltwin
