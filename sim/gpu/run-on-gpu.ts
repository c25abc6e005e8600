/** The kernel's half of the twin: a scenario in, a trace out. */

import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { TraceBuilder } from '../trace/builder.ts';
import { rankActors } from '../trace/rank-actors.ts';
import { type Trace, type TraceHeader, traceVersion } from '../trace/trace.ts';
import { GpuRunError } from './errors.ts';
import { type GpuRecording, type GpuRunOptions, type LaunchRecord, recordOnGpu } from './record.ts';
import { decodeRing, type Ring, RingError } from './ring.ts';
import { addRings, type RingFacts } from './ring-trace.ts';
import { keptPerExpert, outputProblems, routingProblem } from './verdict.ts';

/**
 * Runs a scenario on this machine's GPUs and returns its trace. Every recorded launch's routing is compared with the
 * scenario's, and its output with an fp64 reference (unless `checkStride` is 0).
 * @throws {GpuRunError} saying which rank and phase; WRONG_RESULT when the kernel computed something else.
 */
export async function runOnGpu(s: Scenario, options: GpuRunOptions = {}): Promise<Trace> {
  const recording = await recordOnGpu(s, options);
  const problems = recordingProblems(recording);
  if (problems.length > 0) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    throw new GpuRunError('WRONG_RESULT', `${s.name}: ${problems[0]}${more}`, problems.join('\n'));
  }
  return traceOf(recording);
}

/** What the kernel computed wrongly, one line each; empty: nothing that was compared. */
export function recordingProblems(recording: GpuRecording): string[] {
  const { topK } = recording.scenario.model;
  return recording.launches.flatMap((launch, index) =>
    launch.routing.flatMap((result, rank) => {
      const where = `launch ${index}, rank ${rank}`;
      const routed = routingProblem(result, recording.routing, index, rank, topK);
      const check = launch.checks[rank];
      const output = check === undefined ? [] : outputProblems(check);
      const all = routed === undefined ? output : [`routing: ${routed}`, ...output];
      return all.map((problem) => `${where}: ${problem}`);
    }),
  );
}

/**
 * The trace of a recording.
 * @throws {RingError} when the rings are not what a kernel of this version writes
 */
export function traceOf(recording: GpuRecording): Trace {
  const { scenario, launches } = recording;
  const { ranks, gpus } = scenario.world;
  const builder = new TraceBuilder();
  const facts = addRings(
    builder,
    launches.map(({ rings, epoch }) => decodeRings(rings, epoch)),
    (rank) => Math.floor(rank / (ranks / gpus)),
  );
  return builder.finish(headerOf(recording, facts));
}

function decodeRings(rings: LaunchRecord['rings'], epoch: number): Ring[][] {
  return rings.map((own, rank) =>
    own.map((bytes, i) => {
      const where = `epoch ${epoch}, rank ${rank}, ring ${i}`;
      const ring = decodeRing(where, bytes);
      if (ring.written > 0 && ring.launch !== epoch) {
        throw new RingError(where, 'launch', `${epoch}`, `${ring.launch}`);
      }
      return ring;
    }),
  );
}

function headerOf(recording: GpuRecording, facts: RingFacts): TraceHeader {
  const { scenario, launches, worlds } = recording;
  return {
    version: traceVersion,
    // No driver has version 0: the library runs on an emulated GPU, and its times are no measurement.
    source: recording.devices.some((d) => d.driverVersion === 0) ? 'emulator' : 'gpu',
    producer: {
      name: 'kerneltwin kernel',
      version: recording.libraryVersion,
      hash: recording.libraryHash,
    },
    scenario,
    scenarioHash: scenarioHash(scenario),
    seed: scenario.seed,
    launches: launches.length,
    firstLaunch: launches[0]?.epoch ?? 0,
    readiness: scenario.readiness,
    policy: scenario.policy,
    ranks: worlds.map(({ blocks, processors, subscribers }) =>
      rankActors(blocks, processors, subscribers),
    ),
    clock: { unit: 'ns', residualNs: facts.residualNs, method: facts.method },
    rows: launches.map((launch) =>
      launch.routing.map((routing) => keptPerExpert(routing, scenario.model.experts)),
    ),
    lostEvents: facts.lostEvents,
    machine: machineOf(recording, facts),
    launchMs: launches.map((launch) => Math.max(...launch.results.map((r) => r.ms))),
  };
}

function machineOf(recording: GpuRecording, facts: RingFacts): TraceHeader['machine'] {
  const device = recording.devices[0];
  const world = recording.worlds[0];
  const { ranks, gpus } = recording.scenario.world;
  const checks = recording.launches.flatMap((launch) => launch.checks);
  const errors = checks.map((check) => check.relativeError);
  return {
    name: device?.name ?? 'unknown GPU',
    facts: {
      gpus,
      'ranks per GPU': ranks / gpus,
      'SMs a rank may use': world?.sms ?? 0,
      'SM clock, kHz': device?.clockKhz ?? 0,
      'measured ns per tick': facts.nsPerTick,
      'driver (CUDA version)': device?.driverVersion ?? 0,
      'L2 bytes': device?.l2Bytes ?? 0,
      'memory bytes': device?.memoryBytes ?? 0,
      GEMM: recording.gemm,
      'blocks a rank': world?.blocks ?? 0,
      'threads a block': world?.threads ?? 0,
      'registers a thread': world?.registers ?? 0,
      'shared bytes a block': world?.sharedBytes ?? 0,
      'local bytes a thread': world?.localBytes ?? 0,
      'launches compared with fp64': recording.launches.filter((l) => l.checks.length > 0).length,
      ...(errors.length > 0 ? { 'largest relative error': Math.max(...errors) } : {}),
    },
  };
}
