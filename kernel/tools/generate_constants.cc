// Prints the constants that TypeScript shares with the kernel headers. `npm run generate` writes them to sim/; CI fails
// when the committed copy differs.
// Usage: generate_constants events|layout
#include <cstdio>
#include <cstring>

#include "kerneltwin/layout/packet.h"
#include "kerneltwin/trace/record.h"

namespace kt = kerneltwin;

static void banner() {
  std::puts("// Generated from kernel/include/kerneltwin by `npm run generate`. Do not edit.");
}

static void events() {
  banner();
  std::puts("\n/** Event kinds of a trace and their codes. */\nexport const EventKind = {");
#define X(name, value, aux, a, b) std::printf("  %s: %d,\n", #name, value);
  KT_EVENT_KINDS(X)
#undef X
  std::puts("} as const;");
  std::puts("\nexport type EventKindName = keyof typeof EventKind;");
  std::puts("\n/** What the fields `aux`, `a` and `b` of each kind mean; empty: unused. */");
  std::puts("export const eventFields: Readonly<Record<EventKindName, readonly [aux: string, a: string, b: string]>> = {");
#define X(name, value, aux, a, b) std::printf("  %s: ['%s', '%s', '%s'],\n", #name, aux, a, b);
  KT_EVENT_KINDS(X)
#undef X
  std::puts("};");
  std::printf("\nexport const warpsPerActorBlock = %u;\n", kt::kWarpsPerActorBlock);
  std::printf("export const putRowBits = %u;\n", kt::kPutRowBits);
  std::printf("export const signalRowBits = %u;\n", kt::kSignalRowBits);
  std::printf("export const readyCountBits = %u;\n", kt::kReadyCountBits);
  std::printf("export const recordBytes = %zu;\n", sizeof(kt::TraceRecord));
  std::printf("export const ringHeaderBytes = %zu;\n", sizeof(kt::TraceRingHeader));
  std::printf("export const tickBits = %u;\n", kt::kTickBits);
  std::puts("\n/** Why a launch ended early, by the code in an Exit event. */");
  std::puts("export const abortCodes = ['None', 'Deadline', 'HostRequest', 'QueueOverflow', 'ProtocolError'] as const;");
  static_assert(static_cast<uint32_t>(kt::AbortCode::ProtocolError) == 4);
}

static void layout() {
  banner();
  std::printf("\nexport const rowStep = %u;\n", kt::kRowStep);
  std::printf("export const rounds = %u;\n", kt::kRounds);
  std::printf("export const stages = %u;\n", kt::kStages);
  std::puts("export const Round = { Dispatch: 0, Combine: 1 } as const;");
  std::puts("export const Stage = { Outgoing: 0, Incoming: 1 } as const;");
  std::puts("export const Op = { Gemm0: 0, Gemm1: 1, Combine: 2 } as const;");
  static_assert(static_cast<uint32_t>(kt::Round::Combine) == 1 && static_cast<uint32_t>(kt::Stage::Incoming) == 1 &&
                static_cast<uint32_t>(kt::Op::Combine) == 2);
  std::printf("export const epochStates = %u;\n", kt::kEpochStates);
  std::printf("export const stateBits = %u;\n", kt::kStateBits);
  std::printf("export const rowsBits = %u;\n", kt::kRowsBits);
  std::printf("export const tilesBits = %u;\n", kt::kTilesBits);
  std::printf("export const tagBits = %u;\n", kt::kTagBits);
  std::printf("export const firstBits = %u;\n", kt::kFirstBits);
  std::printf("export const countBits = %u;\n", kt::kCountBits);
  std::printf("export const sequenceBits = %u;\n", kt::kSequenceBits);
}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "events") == 0) return events(), 0;
  if (argc == 2 && std::strcmp(argv[1], "layout") == 0) return layout(), 0;
  std::fputs("usage: generate_constants events|layout\n", stderr);
  return 2;
}
