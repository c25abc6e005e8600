#include "world.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kerneltwin/protocol/queue.h"
#include "kerneltwin/protocol/subscriber.h"
#include "tile_maps.h"

namespace kerneltwin {
namespace {

/// Every block must be resident from the start, or the rank's barrier never completes.
uint32_t chooseBlocks(const KernelFacts& facts, uint32_t wanted) {
  const uint32_t resident = facts.residentBlocks;
  const uint32_t ctas = facts.variant.ctas;
  if (resident < 2 * ctas) {
    throw Failure(KT_NOT_RESIDENT, "occupancy: " + std::to_string(facts.blocksPerSm) + " blocks on each of " +
                                       std::to_string(facts.sms) + " SMs; a rank needs " + std::to_string(2 * ctas));
  }
  if (wanted % ctas != 0 || (wanted != 0 && wanted < 2 * ctas)) {
    throw Failure(KT_BAD_ARGUMENT, "blocks: a processor of these tiles is a pair of blocks; expected an even number from 4, got " +
                                       std::to_string(wanted));
  }
  if (wanted > resident) {
    throw Failure(KT_NOT_RESIDENT, "blocks: " + std::to_string(wanted) + " wanted, but this process's share of the GPU holds " +
                                       std::to_string(resident) + " (" + std::to_string(facts.blocksPerSm) + " on each of " +
                                       std::to_string(facts.sms) + " SMs)");
  }
  return wanted != 0 ? wanted : std::min(resident, (kMaxProcessors + 1) * ctas);
}

}  // namespace

World::World(Session& session, WorldOptions options)
    : session_(session),
      options_(std::move(options)),
      facts_(kernelFacts(chooseVariant(options_.transport, options_.gemm, options_.dtype, options_.shape, options_.traceRecords > 0), session.device())) {
  const Shape& s = options_.shape;
  require(s.ranks == session.ranks(), "shape.ranks", "the joined " + std::to_string(session.ranks()) + " ranks", s.ranks);
  if (facts_.variant.ctas > 1 && session.sharesGpu()) {
    throw Failure(KT_UNSUPPORTED, "shape: tiles of tile_rows x tile_cols = " + std::to_string(s.tileRows) + " x " +
                                      std::to_string(s.tileCols) + " are computed by pairs of blocks, and the clusters of ranks "
                                      "that share a GPU do not run at the same time; use tiles of up to 288 x 128 or 64 x 256");
  }
  if (options_.transport == KT_TRANSPORT_PUT && session.alone()) {
    throw Failure(KT_UNSUPPORTED, "transport: put needs NVSHMEM; join with a unique id, also with one rank");
  }
  session.agree(optionsHash(options_), "kt_world_options");
  blocks_ = chooseBlocks(facts_, options_.blocks);
  processors_ = blocks_ / facts_.variant.ctas - 1;
  allocateWork();
  heap_ = std::make_unique<SymmetricArray>(session, heapBytes(s));
  flags_ = std::make_unique<SymmetricArray>(session, flagBytes(s));
  KT_CUDA(cudaMemset(flags_->get(), 0, flags_->bytes()));
  KT_CUDA(cudaMemset(heap_->get(), 0, heap_->bytes()));
  mapPeers();
  mapTiles();
  session.barrier();  // no rank may signal before every rank has cleared its flags
  ++session.openWorlds;
}

World::~World() {
  --session_.openWorlds;
  cudaDeviceSynchronize();
}

void World::allocateWork() {
  const Shape& s = options_.shape;
  const uint64_t tokens = s.tokens;
  const uint64_t local = localExperts();
  x_ = DeviceArray<bf16>(tokens * s.hidden);
  wg_ = DeviceArray<bf16>(static_cast<uint64_t>(s.experts) * s.hidden);
  w1_ = DeviceArray<bf16>(local * w1Rows(s) * s.hidden);
  w2_ = DeviceArray<bf16>(local * s.hidden * s.intermediate);
  b1_ = DeviceArray<float>(options_.bias ? local * w1Rows(s) : 0);
  b2_ = DeviceArray<float>(options_.bias ? local * s.hidden : 0);
  out_ = DeviceArray<bf16>(tokens * s.hidden);
  choices_ = DeviceArray<uint32_t>(tokens * s.topK);
  rows_ = DeviceArray<uint32_t>(tokens * s.topK);
  scales_ = DeviceArray<float>(tokens * s.topK);
  placement_ = DeviceArray<uint32_t>(options_.placement.size());
  placement_.upload(options_.placement.data(), options_.placement.size());

  intermediate_ = DeviceArray<bf16>(intermediateElements(s));
  counts_ = DeviceArray<uint32_t>(static_cast<uint64_t>(processors_) * s.experts);
  ownRows_ = DeviceArray<uint32_t>(static_cast<uint64_t>(processors_ + 1) * s.experts);
  entryOfRow_ = DeviceArray<uint32_t>(static_cast<uint64_t>(s.experts) * s.capacity);
  cellArrivals_ = DeviceArray<uint32_t>(s.experts);
  rowBlockArrivals_ = DeviceArray<uint32_t>(static_cast<uint64_t>(s.slots) * s.ranks * cellRowBlocks(s));
  tokenArrivals_ = DeviceArray<uint32_t>(tokens * gemm1Cols(s));
  barrier_ = DeviceArray<uint64_t>(1);
  doorbells_ = DeviceArray<uint64_t>(static_cast<uint64_t>(processors_) * kDoorbellStride);
  status_ = DeviceArray<uint32_t>(processors_);
  processorRing_ = DeviceArray<uint64_t>(processorQueueCapacity(s));
  processorTail_ = DeviceArray<uint32_t>(1);
  subscriberRings_ = DeviceArray<uint64_t>(static_cast<uint64_t>(subscribers()) * subscriberQueueCapacity(s));
  tickets_ = DeviceArray<uint32_t>(subscribers());
  heads_ = DeviceArray<uint32_t>(subscribers() + 1);
  watch_ = DeviceArray<WatchChunk>(static_cast<uint64_t>(subscribers()) * watchListCapacity(s));
  osReport_ = DeviceArray<OsReport>(1);
  abort_ = DeviceArray<AbortWords>(1);
  ringHeaders_ = DeviceArray<TraceRingHeader>(rings());
  ringRecords_ = DeviceArray<TraceRecord>(static_cast<uint64_t>(rings()) * options_.traceRecords);

  for (const auto* words : {&counts_, &ownRows_, &cellArrivals_, &rowBlockArrivals_, &tokenArrivals_, &processorTail_,
                            &tickets_, &heads_, &choices_, &rows_}) {
    words->clear();
  }
  for (const auto* words : {&barrier_, &doorbells_, &processorRing_, &subscriberRings_}) words->clear();
  status_.clear(initialStatus(options_.eager) == 0 ? 0 : 0xff);
  abort_.clear();
  osReport_.clear();
  ringHeaders_.clear();
}

void World::mapPeers() {
  const uint32_t ranks = options_.shape.ranks;
  std::vector<bf16*> heaps(ranks);
  std::vector<uint64_t*> flags(ranks);
  for (uint32_t r = 0; r < ranks; ++r) {
    heaps[r] = static_cast<bf16*>(session_.peerAddress(heap_->get(), r));
    flags[r] = static_cast<uint64_t*>(session_.peerAddress(flags_->get(), r));
    if (options_.transport == KT_TRANSPORT_DIRECT && (heaps[r] == nullptr || flags[r] == nullptr)) {
      throw Failure(KT_UNSUPPORTED, "transport: direct, but rank " + std::to_string(rank()) + " cannot map the memory of rank " +
                                        std::to_string(r) + "; use put");
    }
  }
  peerHeaps_ = DeviceArray<bf16*>(ranks);
  peerHeaps_.upload(heaps.data(), ranks);
  peerFlags_ = DeviceArray<uint64_t*>(ranks);
  peerFlags_.upload(flags.data(), ranks);
}

void World::mapTiles() {
  if (!facts_.variant.maps) return;
  const TileMatrices matrices = {w1_.get(), w2_.get(), static_cast<bf16*>(heap_->get()), intermediate_.get(), localExperts()};
  maps_ = makeTileMaps(options_.shape, options_.dtype, matrices, facts_.variant.tileColumns / facts_.variant.ctas);
  gateMaps_ = makeGateMaps(options_.shape, options_.dtype, wg_.get(), x_.get());
}

LaunchArgs World::arguments(uint32_t tokens, uint32_t keep) {
  LaunchArgs args = {};
  args.shape = options_.shape;
  args.placement = placement_.get();
  args.rank = rank();
  args.epoch = epoch_;
  args.tokens = tokens;
  args.keep = keep;
  args.activation = options_.activation;
  args.renormalise = options_.renormalise;
  args.given = options_.given;
  args.eager = options_.eager;
  args.scheduling = options_.scheduling;
  args.deadlineNs = options_.deadlineNs;
  args.tensors = {x_.get(), wg_.get(), w1_.get(), b1_.get(), w2_.get(), b2_.get(), out_.get(), choices_.get(), rows_.get(),
                  scales_.get()};
  args.symmetric = {static_cast<bf16*>(heap_->get()), static_cast<uint64_t*>(flags_->get()), peerHeaps_.get(),
                    peerFlags_.get()};
  args.work = {intermediate_.get(),
               counts_.get(),
               ownRows_.get(),
               entryOfRow_.get(),
               cellArrivals_.get(),
               rowBlockArrivals_.get(),
               tokenArrivals_.get(),
               barrier_.get(),
               {doorbells_.get(), status_.get()},
               processorRing_.get(),
               processorTail_.get(),
               subscriberRings_.get(),
               tickets_.get(),
               heads_.get(),
               watch_.get(),
               osReport_.get(),
               abort_.get()};
  args.trace = {ringHeaders_.get(), ringRecords_.get(), options_.traceRecords};
  return args;
}

void World::query(kt_world_info& out) const {
  out.rank = rank();
  out.local_experts = localExperts();
  out.blocks = blocks_;
  out.processors = processors_;
  out.subscribers = subscribers();
  out.threads = facts_.variant.threads;
  out.sms = facts_.sms;
  out.blocks_per_sm = facts_.blocksPerSm;
  out.registers = facts_.registers;
  out.shared_bytes = facts_.sharedBytes;
  out.local_bytes = facts_.localBytes;
  out.rings = rings();
  out.epoch = epoch_;
  out.symmetric_bytes = heap_->bytes() + flags_->bytes();
  out.device_bytes = x_.bytes() + wg_.bytes() + w1_.bytes() + w2_.bytes() + out_.bytes() + intermediate_.bytes() +
                     subscriberRings_.bytes() + ringRecords_.bytes() + counts_.bytes() + entryOfRow_.bytes() +
                     tokenArrivals_.bytes();
}

}  // namespace kerneltwin
