import type { ActorSamples } from './actor-samples.ts';
import type { TaskSamples } from './task-samples.ts';

/** A trace that constants are fitted to. */
export interface FittedTrace {
  /** Its file's name. */
  readonly name: string;
  /** How far the clocks of two of its actors may disagree. */
  readonly residualNs: number;
  readonly tasks: TaskSamples;
  readonly actors: ActorSamples;
  /** Last arrival at a cell to its signal observed. */
  readonly cellNs: readonly number[];
}
