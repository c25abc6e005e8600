import { z } from 'zod';

/** Traces of one kernel by the names of their files, and what they are for. */
export interface KernelPlan {
  /** Constants are fitted to these. */
  readonly fitted: readonly string[];
  /** Recorded of the same build, kept away from the fit. */
  readonly heldOut: readonly string[];
  /** Recorded of an earlier build, whose costs may be others. */
  readonly earlier: readonly string[];
}

/** How a machine profile is calibrated: `<profile>.traces.json` beside it. */
export interface CalibrationPlan {
  readonly profile: string;
  readonly kernels: Readonly<Record<string, KernelPlan>>;
}

const names = z.array(z.string().min(1));
const planSchema = z.strictObject({
  profile: z.string().min(1),
  kernels: z.record(
    z.string(),
    z.strictObject({ fitted: names.min(2), heldOut: names, earlier: names }),
  ),
});

/**
 * A plan from JSON text.
 * @throws {Error} when it is none, or names a trace twice.
 */
export function parsePlan(text: string): CalibrationPlan {
  const plan = planSchema.parse(JSON.parse(text));
  const all = Object.values(plan.kernels).flatMap((kernel) => Object.values(kernel).flat());
  const twice = all.find((name, i) => all.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`calibration plan: trace ${twice} is named twice`);
  return plan;
}
