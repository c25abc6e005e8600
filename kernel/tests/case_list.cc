#include "case.h"

namespace kerneltwin::tests {
namespace {

Case named(const char* name) {
  Case c;
  c.name = name;
  return c;
}

void addRouting(std::vector<Case>& all) {
  Case c = named("dropless, k = 2");
  all.push_back(c);
  c = named("k = 1");
  c.topK = 1;
  all.push_back(c);
  c = named("k = 8, not renormalised");
  c.topK = 8;
  c.expertsPerRank = 8;
  c.renormalise = false;
  all.push_back(c);
  c = named("drops");
  c.capacityFactor = 0.5;
  c.expectDrops = true;
  all.push_back(c);
  c = named("all tokens to one expert, residue rows");
  c.routing = Routing::Hot;
  c.topK = 1;
  c.tokens = 257;
  all.push_back(c);
  c = named("hot expert with drops: tokens without a kept choice");
  c.routing = Routing::Hot;
  c.capacityFactor = 1.0;
  c.expectDrops = true;
  all.push_back(c);
  c = named("one row an expert");
  c.routing = Routing::Spread;
  c.tokens = 8;
  all.push_back(c);
  c = named("one token");
  c.tokens = 1;
  all.push_back(c);
  c = named("zero-token rank, unequal tokens");
  c.tokensOf = {130, 0, 7, 64};
  all.push_back(c);
  c = named("unequal experts");
  c.unequal = true;
  all.push_back(c);
  c = named("300 experts a world, k = 4");
  c.expertsPerRank = 300;
  c.topK = 4;
  c.onlyRanks = 1;
  all.push_back(c);
  c = named("1024 experts");
  c.expertsPerRank = 1024;
  c.hidden = c.intermediate = 64;
  c.tokens = 300;
  c.onlyRanks = 1;
  all.push_back(c);
}

void addShapes(std::vector<Case>& all) {
  Case c = named("narrow last tiles: H = 192, I = 320");
  c.hidden = 192;
  c.intermediate = 320;
  c.topK = 3;
  all.push_back(c);
  c = named("smallest: H = I = 64");
  c.hidden = c.intermediate = 64;
  all.push_back(c);
  c = named("64-column tiles, 64-row blocks");
  c.tileRows = c.tileCols = 64;
  c.tokens = 300;
  all.push_back(c);
  c = named("8-row blocks");
  c.tileRows = 8;
  all.push_back(c);
  c = named("relu, no bias");
  c.activation = KT_ACTIVATION_RELU;
  c.bias = false;
  all.push_back(c);
  c = named("gelu");
  c.activation = KT_ACTIVATION_GELU;
  all.push_back(c);
  c = named("swiglu");
  c.activation = KT_ACTIVATION_SWIGLU;
  all.push_back(c);
  c = named("geglu, narrow last tiles, no bias: H = 192, I = 320");
  c.activation = KT_ACTIVATION_GEGLU;
  c.hidden = 192;
  c.intermediate = 320;
  c.bias = false;
  all.push_back(c);
  c = named("fp16");
  c.dtype = KT_DTYPE_FP16;
  c.tileRows = 64;
  all.push_back(c);
  c = named("fp16, narrow last tiles, drops: H = 192, I = 320");
  c.dtype = KT_DTYPE_FP16;
  c.hidden = 192;
  c.intermediate = 320;
  c.topK = 3;
  c.capacityFactor = 0.5;
  c.expectDrops = true;
  all.push_back(c);
  c = named("swiglu, smallest: H = I = 64");
  c.activation = KT_ACTIVATION_SWIGLU;
  c.hidden = c.intermediate = 64;
  all.push_back(c);
}

void addProtocol(std::vector<Case>& all) {
  Case c = named("lazy readiness");
  c.readiness = KT_READY_LAZY;
  all.push_back(c);
  c = named("one processor");
  c.blocks = 2;
  c.tokens = 100;
  all.push_back(c);
  c = named("33 processors");
  c.blocks = 0;
  c.onlyRanks = 1;
  c.blocks = 34;
  all.push_back(c);
  c = named("eleven launches: every epoch state twice over");
  c.launches = 11;
  c.tokensOf = {96, 31, 0, 128};
  all.push_back(c);
  c = named("the same bits from sixteen launches on the same inputs");
  c.topK = 8;  // the order of a sum of eight shows in its bits
  c.expertsPerRank = 16;
  c.tokens = 96;
  c.hidden = 128;
  c.intermediate = 64;
  c.launches = 1;
  c.repeats = 15;
  all.push_back(c);
  c = named("launch skew of 3 ms a rank");
  c.skewMs = 3;
  c.launches = 4;
  all.push_back(c);
  c = named("tracing off");
  c.traceRecords = 0;
  all.push_back(c);
  c = named("put transport");
  c.transport = KT_TRANSPORT_PUT;
  all.push_back(c);
  c = named("put transport, zero-token rank, drops, lazy, five launches");
  c.transport = KT_TRANSPORT_PUT;
  c.tokensOf = {130, 0, 7, 64};
  c.capacityFactor = 0.5;
  c.readiness = KT_READY_LAZY;
  c.launches = 5;
  all.push_back(c);
  c = named("a peer that never launches ends in an abort");
  c.peerMissing = true;
  c.launches = 1;
  all.push_back(c);
}

void addLarge(std::vector<Case>& all) {
  Case c = named("S = 8192, H = I = 2048, E = 64, k = 2");
  c.tokens = 8192;
  c.hidden = c.intermediate = 2048;
  c.expertsPerRank = 64;
  c.onlyRanks = 1;
  c.launches = 5;
  c.checkStride = 16;
  c.large = true;
  all.push_back(c);
  c.name = "S = 128, H = I = 2048, E = 64, k = 2";
  c.tokens = 128;
  c.checkStride = 1;
  all.push_back(c);
  c.name = "S = 1024 a rank, H = I = 2048, 16 experts a rank, k = 2";
  c.tokens = 1024;
  c.expertsPerRank = 16;
  c.onlyRanks = 0;
  c.checkStride = 16;
  all.push_back(c);
}

struct Tile {
  uint32_t rows;
  uint32_t cols;
  uint32_t tokens;
};

void addTile(std::vector<Case>& all, const char* name, uint32_t rows, uint32_t cols, uint32_t tokens) {
  Case c = named(name);
  c.gemm = KT_GEMM_WGMMA;
  c.tileRows = rows;
  c.tileCols = cols;
  c.tokens = tokens;
  c.hidden = 320;
  c.intermediate = 448;
  all.push_back(c);
}

/// Tiles that a pair of blocks computes: more than 64 rows, more than 128 columns.
void addPairs(std::vector<Case>& all) {
  const size_t first = all.size();
  addTile(all, "pairs, tiles of 288 x 256", 288, 256, 600);
  addTile(all, "pairs, gelu, one processor, tiles of 128 x 256", 128, 256, 300);
  all.back().activation = KT_ACTIVATION_GELU;
  all.back().blocks = 4;
  // Windows of the gate: a processor's share is more than 128 tokens. Row blocks: several a cell.
  addTile(all, "pairs, one processor, three windows of the gate, tiles of 72 x 256", 72, 256, 301);
  all.back().blocks = 4;
  all.back().hidden = all.back().intermediate = 128;
  addTile(all, "pairs, swiglu, no bias, tiles of 96 x 192", 96, 192, 201);
  all.back().activation = KT_ACTIVATION_SWIGLU;
  all.back().bias = false;
  addTile(all, "pairs, drops, tiles of 128 x 256", 128, 256, 257);
  all.back().capacityFactor = 0.5;
  all.back().expectDrops = true;
  // The second block of the last column tile has no columns, and a row block's last rows are those of one block.
  addTile(all, "pairs, narrow last tiles, one row an expert, tiles of 288 x 256", 288, 256, 4);
  all.back().routing = Routing::Spread;
  all.back().topK = 1;
  addTile(all, "pairs, fewer tokens than blocks, tiles of 96 x 192", 96, 192, 3);
  all.back().hidden = 192;
  all.back().intermediate = 64;
  addTile(all, "pairs, lazy readiness, zero-token rank, geglu, tiles of 104 x 192", 104, 192, 0);
  all.back().tokensOf = {131, 0, 7, 64};
  all.back().activation = KT_ACTIVATION_GEGLU;
  all.back().readiness = KT_READY_LAZY;
  addTile(all, "pairs, the same bits from sixteen launches, tiles of 96 x 256", 96, 256, 97);
  all.back().topK = 8;
  all.back().expertsPerRank = 16;
  all.back().hidden = 128;
  all.back().intermediate = 64;
  all.back().launches = 1;
  all.back().repeats = 15;
  addTile(all, "pairs, a peer that never launches ends in an abort, tiles of 96 x 192", 96, 192, 100);
  all.back().peerMissing = true;
  all.back().launches = 1;
  for (size_t i = first; i < all.size(); ++i) all[i].pairs = true;
}

}  // namespace

std::vector<Case> wgmmaCases() {
  std::vector<Case> all;
  addTile(all, "tiles of 64 x 128", 64, 128, 300);
  addTile(all, "tiles of 256 x 128", 256, 128, 700);
  addTile(all, "tiles of 288 x 64", 288, 64, 600);
  addTile(all, "tiles of 64 x 256", 64, 256, 300);
  addTile(all, "tiles of 192 x 128", 192, 128, 500);
  addTile(all, "tiles of 64 x 192", 64, 192, 500);
  for (const Tile tile : {Tile{64, 128, 100}, Tile{128, 128, 200}, Tile{288, 128, 600}, Tile{64, 256, 100},
                          Tile{192, 128, 400}, Tile{64, 192, 300}}) {
    const std::string name = "swiglu, tiles of " + std::to_string(tile.rows) + " x " + std::to_string(tile.cols);
    addTile(all, name.c_str(), tile.rows, tile.cols, tile.tokens);
    all.back().activation = KT_ACTIVATION_SWIGLU;
  }
  addTile(all, "fp16, swiglu, tiles of 256 x 128", 256, 128, 400);
  all.back().dtype = KT_DTYPE_FP16;
  all.back().activation = KT_ACTIVATION_SWIGLU;
  addPairs(all);
  Case c = named("S = 8192, H = I = 2048, E = 64, k = 2, tiles of 288 x 128");
  c.gemm = KT_GEMM_WGMMA;
  c.tokens = 8192;
  c.hidden = c.intermediate = 2048;
  c.expertsPerRank = 64;
  c.tileRows = 288;
  c.onlyRanks = 1;
  c.launches = 5;
  c.checkStride = 16;
  c.large = true;
  all.push_back(c);
  return all;
}

std::vector<Case> allCases() {
  std::vector<Case> all;
  addRouting(all);
  addShapes(all);
  addProtocol(all);
  addLarge(all);
  return all;
}

}  // namespace kerneltwin::tests
