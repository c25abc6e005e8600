/** Fills in what a valid scenario file leaves out and checks what no single value can show to be wrong. */
import { dirname, relative, resolve } from 'node:path';
import { blocksPerProcessor, pairReason } from './pairs.ts';
import { routingFileHash } from './routing-file.ts';
import { gemmPaths, type RoutingSpec, type Scenario } from './scenario.ts';
import type { ScenarioInput } from './scenario-input.ts';
import type { ValuePath } from './scenario-source.ts';

/** Reports that the value at `path` should have been `expected`. */
export type Report = (path: ValuePath, expected: string) => void;

/** Resolves paths against the scenario's file; `name` is used where the file gives none. */
export interface ScenarioPlace {
  readonly file: string;
  readonly name: string;
}

/** The resolved scenario, meaningful only when nothing was reported. */
export function resolveScenario(
  input: ScenarioInput,
  place: ScenarioPlace,
  report: Report,
): Scenario {
  const { world, model } = input;
  const scenario: Scenario = {
    name: input.name ?? place.name,
    description: input.description,
    world: {
      ranks: world.ranks,
      gpus: world.gpus ?? world.ranks,
      machine: isPath(world.machine) ? besides(place.file, world.machine) : world.machine,
      blocks: world.blocks === 'auto' ? null : world.blocks,
      expertsPerRank: world.expertsPerRank ?? evenSplit(model.experts, world.ranks),
      transport: world.transport,
      // Left out where they are the default: the hash of a scenario is that of before there was a choice.
      ...(world.gemm === gemmPaths[0] ? {} : { gemm: world.gemm }),
    },
    model: {
      tokens: perRank(model.tokens, world.ranks),
      hidden: model.hidden,
      intermediate: model.intermediate,
      experts: model.experts,
      topK: model.topK,
      capacityFactor: model.capacity === 'dropless' ? null : model.capacity,
      activation: model.activation,
      dtype: model.dtype,
      renormalise: model.renormalise,
      bias: model.bias,
    },
    routing: resolveRouting(input, place, report),
    tiles: input.tiles,
    policy: input.policy,
    policyOptions: input.policyOptions,
    readiness: input.readiness,
    launches: input.launches,
    noise: input.noise,
    seed: input.seed,
  };
  checkWorld(scenario, report);
  checkRouting(scenario, report);
  return scenario;
}

function perRank(tokens: number | readonly number[], ranks: number): readonly number[] {
  return typeof tokens === 'number' ? Array.from({ length: ranks }, () => tokens) : tokens;
}

function resolveRouting(input: ScenarioInput, place: ScenarioPlace, report: Report): RoutingSpec {
  const { routing } = input;
  if (routing.kind === 'file') {
    const path = besides(place.file, routing.path);
    const sha256 = routingFileHash(path);
    if (sha256 === undefined) report(['routing', 'path'], `a readable file at ${path}`);
    return { kind: 'file', path, sha256: sha256 ?? '' };
  }
  return { ...routing, seed: routing.seed ?? input.seed };
}

function checkWorld(s: Scenario, report: Report): void {
  const { ranks, gpus, expertsPerRank } = s.world;
  if (ranks % gpus !== 0) report(['world', 'gpus'], `a divisor of world.ranks = ${ranks}`);
  const { blocks } = s.world;
  if (blocks !== null && blocksPerProcessor(s) === 2 && (blocks < 4 || blocks % 2 !== 0)) {
    report(['world', 'blocks'], `an even number from 4, ${pairReason}`);
  }
  const held = expertsPerRank.reduce((sum, n) => sum + n, 0);
  if (expertsPerRank.length !== ranks || held !== s.model.experts) {
    report(
      ['world', 'expertsPerRank'],
      `${ranks} numbers (one for each rank) that sum to model.experts = ${s.model.experts}`,
    );
  }
  if (expertsPerRank.includes(0)) {
    // Dispatch signals are what keeps ranks within one launch of each other, and four epoch states tell no more apart.
    report(
      s.model.experts < ranks ? ['model', 'experts'] : ['world', 'expertsPerRank'],
      'at least one expert for each rank (a rank without experts is sent no signal, so nothing ' +
        'would hold it within one launch of its peers)',
    );
  }
  if (s.model.tokens.length !== ranks) {
    report(['model', 'tokens'], `${ranks} numbers (one for each rank)`);
  }
  if (s.model.topK > s.model.experts) {
    report(['model', 'topK'], `at most model.experts = ${s.model.experts}`);
  }
}

function checkRouting(s: Scenario, report: Report): void {
  const { routing } = s;
  if (routing.kind === 'hot') {
    const distinct = new Set(routing.experts).size === routing.experts.length;
    if (!distinct || routing.experts.some((e) => e >= s.model.experts)) {
      report(['routing', 'experts'], `distinct experts under model.experts = ${s.model.experts}`);
    }
  }
  if (routing.kind === 'silent') {
    for (const end of ['from', 'to'] as const) {
      if (routing[end] >= s.world.ranks) {
        report(['routing', end], `a rank under world.ranks = ${s.world.ranks}`);
      }
    }
  }
}

/** E experts over P ranks, consecutive; the first E mod P ranks hold one more. */
export function evenSplit(experts: number, ranks: number): number[] {
  const rest = experts % ranks;
  const each = (experts - rest) / ranks;
  return Array.from({ length: ranks }, (_, rank) => each + (rank < rest ? 1 : 0));
}

function isPath(machine: string): boolean {
  return machine.includes('/') || machine.endsWith('.json');
}

/** A path given relative to a scenario's file, relative to the working directory and with forward slashes. */
function besides(file: string, path: string): string {
  return relative('', resolve(dirname(file), path)).replaceAll('\\', '/');
}
