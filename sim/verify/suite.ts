/** What a verification suite is. */

export interface SuiteOptions {
  /** How much to do, in the suite's own unit; absent: what a pull request can afford. */
  readonly runs?: number;
  readonly seed: number;
  /** Told one line at a time what happens. */
  readonly report: (line: string) => void;
}

export interface SuiteResult {
  readonly name: string;
  readonly held: boolean;
  /** Measured figures by name. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface Suite {
  readonly name: string;
  readonly title: string;
  /** What `runs` counts. */
  readonly unit: string;
  run(options: SuiteOptions): Promise<SuiteResult>;
}
