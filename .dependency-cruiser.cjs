// The directions in which folders may depend on each other (docs/guide/architecture.md draws them).
// `npm run arrows` also fails when no module was seen, so that a broken parser cannot pass as a clean house.

/** Folders of sim/ that each folder may import from, besides itself. */
const arrows = {
  engine: [],
  machine: ['engine'],
  moe: ['engine', 'machine', 'trace'],
  trace: [],
  actors: ['engine', 'machine', 'moe', 'trace'],
  policies: ['engine', 'machine', 'moe', 'trace', 'actors'],
  systems: ['engine', 'machine', 'moe', 'trace', 'actors', 'policies'],
  check: ['trace', 'moe'],
  compare: ['trace', 'moe', 'check'],
  calibrate: ['engine', 'machine', 'moe', 'trace', 'compare'],
  report: ['trace', 'moe', 'check', 'compare'],
  verify: ['engine', 'moe', 'trace', 'check'],
  gpu: ['engine', 'machine', 'moe', 'trace'],
};

const folderRules = Object.entries(arrows).map(([folder, allowed]) => ({
  name: `arrows-${folder}`,
  comment: `sim/${folder} may depend on: ${allowed.join(', ') || 'nothing else in sim/'}`,
  severity: 'error',
  from: { path: `^sim/${folder}/` },
  to: { path: '^sim/', pathNot: `^sim/(${[folder, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'no-circular',
      comment: 'Modules that import each other cannot be read one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'An import that does not resolve.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'only-declared-packages',
      comment: 'Every imported package is a dependency of package.json.',
      severity: 'error',
      from: { path: '^(sim|kernel|binding)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: '@types/' },
    },
    {
      name: 'binding-is-thin',
      comment: 'binding/ loads the addon and knows nothing of the simulator.',
      severity: 'error',
      from: { path: '^binding/' },
      to: { path: '^sim/' },
    },
    {
      name: 'library-not-to-tests',
      comment: 'Nothing that ships depends on tests.',
      severity: 'error',
      from: { path: '^(sim|kernel|binding)/' },
      to: { path: '^tests/' },
    },
    {
      name: 'command-line-is-the-top',
      comment: 'sim/cli is the only folder that knows all others; nobody imports it.',
      severity: 'error',
      from: { path: '^sim/(?!cli/)' },
      to: { path: '^sim/cli/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
