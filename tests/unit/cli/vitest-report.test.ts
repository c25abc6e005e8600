import { describe, expect, it } from 'vitest';
import { suiteOutcomes } from '../../../sim/cli/vitest-report.ts';

const held = { fullName: 'routing keeps rows', status: 'passed', failureMessages: [] };
const refuted = {
  fullName: 'routing fills capacity',
  status: 'failed',
  failureMessages: [
    'Error: Property failed after 3 tests\n{ seed: -5, path: "2:0:1", endOnFailure: true }\n' +
      'Counterexample: [7]\nShrunk 2 time(s)\n\nHint: Enable verbose mode\n    at assert (x.js:1:2)',
  ],
};

describe('outcome of a property suite', () => {
  it('counts properties and prints what replays a counterexample', () => {
    const [suite] = suiteOutcomes({
      testResults: [
        {
          name: '/somewhere/tests/properties/routing.test.ts',
          status: 'failed',
          message: '',
          startTime: 1000,
          endTime: 3500,
          assertionResults: [held, refuted],
        },
      ],
    });
    expect(suite).toMatchObject({ suite: 'routing', passed: 1, failed: 1, seconds: 2.5 });
    expect(suite?.failures).toEqual([
      'routing fills capacity\nError: Property failed after 3 tests\n' +
        '{ seed: -5, path: "2:0:1", endOnFailure: true }\nCounterexample: [7]\nShrunk 2 time(s)\n' +
        'replay: kerneltwin verify --suite routing --property "routing fills capacity" --replay=-5:2:0:1',
    ]);
  });

  it('a suite that does not load is refuted, not empty', () => {
    const [suite] = suiteOutcomes({
      testResults: [
        {
          name: 'tests/properties/broken.test.ts',
          status: 'failed',
          message: 'Cannot find module',
          startTime: 0,
          endTime: 0,
          assertionResults: [],
        },
      ],
    });
    expect(suite).toMatchObject({ passed: 0, failed: 1, failures: ['broken: Cannot find module'] });
  });
});
