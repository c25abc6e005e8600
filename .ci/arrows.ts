// Checks the directions in which folders depend on each other (.dependency-cruiser.cjs). Fails too when the cruiser
// saw no TypeScript at all: a parser it does not understand makes it report a clean, empty house.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}
interface Cruise {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly unknown[];
  }[];
  readonly summary: { readonly violations: readonly Violation[] };
}

const roots = ['sim', 'tests', 'kernel/tools', 'binding'].filter((folder) => existsSync(folder));
const run = spawnSync(
  'depcruise',
  ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...roots],
  { encoding: 'utf8', maxBuffer: 1 << 28 },
);
if (run.error || !run.stdout.startsWith('{')) {
  console.error(`depcruise did not run: ${run.error?.message ?? run.stderr}`);
  process.exit(1);
}
const cruise = JSON.parse(run.stdout) as Cruise;
const own = cruise.modules.filter((module) => /^(sim|tests)\/.*\.ts$/.test(module.source));
const edges = own.reduce((sum, module) => sum + module.dependencies.length, 0);
for (const { from, to, rule } of cruise.summary.violations) {
  console.error(`${rule.name}: ${from} -> ${to}`);
}
console.log(
  `${own.length} modules, ${edges} imports, ${cruise.summary.violations.length} violations`,
);
if (own.length === 0 || edges === 0) {
  console.error('no modules or no imports seen: the cruiser cannot read this code');
  process.exit(1);
}
if (cruise.summary.violations.length > 0) process.exit(1);
