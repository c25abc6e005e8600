/** A recording for the trace library: a shipped scenario, perhaps with settings of its own. */
export interface Fixture {
  /** Base name of its files. */
  readonly name: string;
  /** In scenarios/. */
  readonly scenario: string;
  /** Overrides as of `--set`. */
  readonly set: Readonly<Record<string, string>>;
  /** Limit of the recording and of its check, seconds. */
  readonly seconds: number;
}

function shipped(name: string, seconds = 60): Fixture {
  return { name, scenario: `${name}.yaml`, set: {}, seconds };
}

/** In order of worth: a run that is out of time leaves out the last ones. */
export const fixtures: readonly Fixture[] = [
  shipped('small', 40),
  shipped('one-h200', 90),
  shipped('shared-h200-2'),
  shipped('shared-h200-4'),
  shipped('shared-h200-8', 90),
  shipped('skewed'),
  shipped('silent-peer'),
  shipped('decode-128'),
  shipped('drops'),
  shipped('unequal-experts'),
  { name: 'small-lazy', scenario: 'small.yaml', set: { readiness: 'lazy' }, seconds: 40 },
  { name: 'small-put', scenario: 'small.yaml', set: { 'world.transport': 'put' }, seconds: 40 },
  shipped('recorded', 40),
];
