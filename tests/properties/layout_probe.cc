// Prints what the kernel's own layout functions answer, one line for each line of input:
// ranks experts slots tokens hidden intermediate topK capacity tileRows tileCols gated source slot expert block col row h rows
#include <cstdint>
#include <iostream>

#include "kerneltwin/layout/packet.h"

using namespace kerneltwin;

int main() {
  Shape s;
  uint32_t source, slot, expert, block, col0, col1, row, h, i, rows, index;
  while (std::cin >> s.ranks >> s.experts >> s.slots >> s.tokens >> s.hidden >> s.intermediate >>
         s.topK >> s.capacity >> s.tileRows >> s.tileCols >> s.gated >> source >> slot >> expert >> block >>
         col0 >> col1 >> row >> h >> i >> rows >> index) {
    const RowSpan span = rowSpan(s, rows, block);
    const Task task = decodeTask(s, index);
    std::cout << gemm0Cols(s) << ' ' << gemm1Cols(s) << ' ' << cellRowBlocks(s) << ' '
              << rowBlocks(s, rows) << ' ' << span.begin << ' ' << span.count << ' '
              << tileWidth(s, s.hidden, col1);
    for (const Round round : {Round::Dispatch, Round::Combine}) {
      for (const Stage stage : {Stage::Outgoing, Stage::Incoming}) {
        const uint64_t cell = cellIndex(s, source, round, stage, slot);
        std::cout << ' ' << cell << ' ' << heapRow(s, cell, row) << ' '
                  << dispatchOffset(s, cell, row, h) << ' ' << combineOffset(s, cell, row, h);
      }
    }
    std::cout << ' ' << heapCells(s) << ' ' << heapRows(s) << ' ' << heapElements(s) << ' '
              << intermediateOffset(s, source, slot, row, i) << ' ' << intermediateElements(s) << ' '
              << dispatchFlag(s, source, slot) << ' ' << dispatchFlags(s) << ' '
              << combineFlag(s, expert, block, col1) << ' ' << flagCount(s) << ' '
              << gemm0Tasks(s) << ' ' << gemm1Tasks(s) << ' ' << combineTasks(s) << ' '
              << taskSpace(s) << ' ' << gemm0Task(s, slot, source, block, col0) << ' '
              << gemm1Task(s, slot, source, block, col1) << ' '
              << combineTask(s, expert, block, col1) << ' ' << static_cast<uint32_t>(task.op) << ' '
              << task.peer << ' ' << task.expert << ' ' << task.block << ' ' << task.col << ' '
              << packetLimits(s) << ' ' << epochState(index) << ' '
              << static_cast<uint32_t>(freshness(1 + rows % 4, index)) << ' ' << queueTag(index)
              << ' ' << packSignal({1 + rows % 4, rows, block}) << ' '
              << packEntry({queueTag(index), index, col0}) << ' '
              << packDoorbell({index, rows, block % 2 == 1}) << '\n';
  }
}
