import type { ProcessorState } from '../compare/processor-time.ts';

/** What a figure colours: processor states, and the parts of the prologue that timelines tell apart. */
export type Paint = ProcessorState | 'gate' | 'barrier' | 'dispatch' | 'resident';

/**
 * One colour per meaning in every figure, light and dark. Hues follow the colour-blind-safe set of Okabe and Ito;
 * what is not work is grey or lighter than work.
 */
const palette: Readonly<Record<Paint, readonly [light: string, dark: string]>> = {
  GEMM0: ['#0072b2', '#3a9bdc'],
  GEMM1: ['#e08a00', '#f0a832'],
  COMBINE: ['#009e73', '#2bc49a'],
  prologue: ['#7fb7de', '#45657f'],
  gate: ['#c46a9b', '#d98bb5'],
  barrier: ['#b8b2a7', '#6d6a64'],
  dispatch: ['#56b4e9', '#4d93bd'],
  scheduler: ['#d5451b', '#f0714a'],
  network: ['#7a4fc9', '#a17ff0'],
  dependency: ['#e3cf3c', '#c2b02d'],
  'no task': ['#c8ced6', '#4b5563'],
  exited: ['#e6e9ed', '#313a46'],
  resident: ['#e4e8ed', '#2a323d'],
};

/** Names that legends and tables print for the paints. */
export const paintLabels: Readonly<Record<Paint, string>> = {
  GEMM0: 'GEMM0',
  GEMM1: 'GEMM1',
  COMBINE: 'COMBINE',
  prologue: 'gate, barrier, dispatch',
  gate: 'gate',
  barrier: 'barrier',
  dispatch: 'dispatch',
  scheduler: 'idle: scheduler',
  network: 'idle: network',
  dependency: 'idle: dependency',
  'no task': 'idle: no task',
  exited: 'exited',
  resident: 'spinning',
};

/** CSS class of a paint. */
export function paintClass(paint: Paint): string {
  return `p-${paint.toLowerCase().replaceAll(' ', '-')}`;
}

const inks = {
  paper: ['#ffffff', '#161b22'],
  ink: ['#1c2530', '#e6edf3'],
  muted: ['#5d6875', '#9aa7b4'],
  grid: ['#e1e5ea', '#2f3843'],
  held: ['#1a7f4b', '#4cc38a'],
  violated: ['#c62828', '#ff7b72'],
  undecided: ['#8a6d00', '#d6b656'],
} as const;

function variables(side: 0 | 1): string {
  const paints = Object.entries(palette).map(
    ([paint, pair]) => `--${paintClass(paint as Paint)}:${pair[side]}`,
  );
  const others = Object.entries(inks).map(([name, pair]) => `--${name}:${pair[side]}`);
  return [...others, ...paints].join(';');
}

/** Custom properties for light and dark; `selector` is what carries them. */
export function themeVariables(selector: string): string {
  const dark = `@media (prefers-color-scheme: dark) {${selector}{${variables(1)}}}`;
  return `${selector}{${variables(0)}}\n${dark}`;
}

/** Rules that every figure uses; safe to repeat in one page. */
export function figureStyle(): string {
  const paints = Object.keys(palette).map(
    (paint) => `.kt .${paintClass(paint as Paint)}{fill:var(--${paintClass(paint as Paint)})}`,
  );
  return [
    themeVariables('.kt'),
    '.kt{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px}',
    '.kt text{fill:var(--ink)}',
    '.kt text.muted{fill:var(--muted)}',
    '.kt .title{font-size:15px;font-weight:600}',
    '.kt .panel{font-size:12.5px;font-weight:600}',
    '.kt .paper{fill:var(--paper)}',
    '.kt .domain,.kt .tick line{stroke:var(--grid)}',
    '.kt .tick text{fill:var(--muted);font-size:11px}',
    '.kt .mark{stroke:var(--ink);stroke-width:1.5}',
    '.kt .rule{stroke:var(--grid)}',
    '.kt text.on-paint{fill:#fff;font-size:11.5px;font-weight:600;paint-order:stroke;stroke:rgba(0,0,0,.45);stroke-width:2.5px}',
    ...paints,
  ].join('\n');
}
