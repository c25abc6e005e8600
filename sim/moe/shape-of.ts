import { putRowBits } from '../trace/generated/events.ts';
import { capacityOf } from './capacity.ts';
import { packetFields } from './packet.ts';
import { isGated, type Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import { gemm1Cols, roundUp, type Shape } from './shape.ts';

/**
 * Shape of a scenario's world. Capacity is the largest of all ranks, rounded up to whole row blocks, at least one.
 * Throws ScenarioError, naming every field that would overflow, when a packed word or a trace record could not hold
 * what this world produces (invariant L8).
 */
export function shapeOf(s: Scenario): Shape {
  const rows = Math.max(1, ...s.model.tokens.map((tokens) => capacityOf(s.model, tokens)));
  const shape: Shape = {
    ranks: s.world.ranks,
    experts: s.model.experts,
    slots: Math.max(...s.world.expertsPerRank),
    tokens: Math.max(...s.model.tokens),
    hidden: s.model.hidden,
    intermediate: s.model.intermediate,
    topK: s.model.topK,
    capacity: roundUp(rows, s.tiles.rows),
    tileRows: s.tiles.rows,
    tileCols: s.tiles.cols,
    ...(isGated(s.model.activation) ? { gated: true } : {}),
  };
  assertLimits(s.name, shape);
  return shape;
}

/** Bits of a put record above its rows: column tile + 1. */
const putColBits = 32 - putRowBits;

/** Ranks travel in the 16-bit field of a trace record. */
const maxRanks = 65536;

function assertLimits(name: string, shape: Shape): void {
  const limits = [
    ...packetFields(shape),
    { field: 'ranks (aux field of a trace record)', value: shape.ranks, limit: maxRanks + 1 },
    { field: 'capacity (rows of a put record)', value: shape.capacity, limit: 1 << putRowBits },
    {
      field: 'GEMM1 column tiles (column of a put record)',
      value: gemm1Cols(shape) + 1,
      limit: 1 << putColBits,
    },
  ];
  const over = limits.filter((l) => !(l.value < l.limit));
  if (over.length === 0) return;
  throw new ScenarioError(
    over.map((l) => `${name}: ${l.field}: expected less than ${l.limit}, got ${l.value} (L8)`),
  );
}
