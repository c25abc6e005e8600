import type { GemmPath, Model, Scenario, World } from './scenario.ts';

/** A valid scenario file with defaults filled in, before it is resolved to a Scenario. */
export interface ScenarioInput
  extends Pick<
    Scenario,
    | 'description'
    | 'tiles'
    | 'policy'
    | 'policyOptions'
    | 'readiness'
    | 'launches'
    | 'noise'
    | 'seed'
  > {
  readonly name?: string | undefined;
  readonly world: WorldInput;
  readonly model: ModelInput;
  readonly routing: RoutingInput;
}

interface WorldInput extends Pick<World, 'ranks' | 'machine' | 'transport'> {
  readonly gemm: GemmPath;
  readonly gpus?: number | undefined;
  readonly blocks: 'auto' | number;
  readonly expertsPerRank?: readonly number[] | undefined;
}

interface ModelInput extends Omit<Model, 'tokens' | 'capacityFactor'> {
  /** Of every rank, or of each. */
  readonly tokens: number | readonly number[];
  readonly capacity: 'dropless' | number;
}

interface Seeded {
  /** Missing: the scenario's seed. */
  readonly seed?: number | undefined;
}

type RoutingInput =
  | ({ readonly kind: 'uniform' } & Seeded)
  | ({ readonly kind: 'zipf'; readonly exponent: number } & Seeded)
  | ({ readonly kind: 'hot'; readonly experts: readonly number[]; readonly share: number } & Seeded)
  | ({ readonly kind: 'silent'; readonly from: number; readonly to: number } & Seeded)
  | { readonly kind: 'file'; readonly path: string };
