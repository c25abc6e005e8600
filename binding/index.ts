/** The addon: compiled layout functions anywhere, the CUDA kernel where its library and a GPU are. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kernel, LaunchResult } from './kernel.ts';
import type { LayoutFunctions } from './layout.ts';

export type * from './kernel.ts';
export type * from './layout.ts';

/**
 * - `NO_ADDON`: the addon was not built.
 * - `NO_KERNEL`: the kernel's library is missing or cannot be opened.
 * - `NO_GPU`: the library is there, but no driver, no device or none it runs on.
 * - `API_VERSION`: library and addon were built from different versions.
 * - `KERNEL_ERROR`: a call failed; `call` and `status` say which and how.
 * - `CLOSED`: a call on a closed world.
 */
export type BindingErrorCode =
  | 'NO_ADDON'
  | 'NO_KERNEL'
  | 'NO_GPU'
  | 'API_VERSION'
  | 'KERNEL_ERROR'
  | 'CLOSED';

export interface BindingError extends Error {
  readonly code: BindingErrorCode;
  /** Function of kerneltwin/api.h that failed. */
  readonly call?: string;
  /** Its status without the prefix KT_, e.g. OUT_OF_MEMORY. */
  readonly status?: string;
  /** What is known of a launch that aborted. */
  readonly launch?: LaunchResult;
}

const codes: ReadonlySet<unknown> = new Set<BindingErrorCode>([
  'NO_ADDON',
  'NO_KERNEL',
  'NO_GPU',
  'API_VERSION',
  'KERNEL_ERROR',
  'CLOSED',
]);

/** Whether an error came from the binding; with `code`, whether it is that one. */
export function isBindingError(error: unknown, code?: BindingErrorCode): error is BindingError {
  if (!(error instanceof Error) || !('code' in error) || !codes.has(error.code)) return false;
  return code === undefined || error.code === code;
}

export interface Addon {
  readonly Kernel: new (path: string) => Kernel;
  readonly layout: LayoutFunctions;
}

/** The folder of package.json: this file may run from source or compiled, one folder deeper. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error(`no package.json above ${import.meta.url}`);
    folder = dirname(folder);
  }
  return folder;
}

const root = packageRoot();
const require = createRequire(import.meta.url);

/** Where `npm run build:addon` puts the addon. */
export const addonPath: string = join(root, 'build', 'addon', 'kerneltwin.node');

function bindingError(code: BindingErrorCode, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** Loads the addon. Throws NO_ADDON, saying what to do. */
export function loadAddon(path: string = addonPath): Addon {
  if (!existsSync(path)) {
    throw bindingError(
      'NO_ADDON',
      `the addon is not built: ${path} does not exist; run npm run build:addon`,
    );
  }
  try {
    return require(path) as Addon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw bindingError(
      'NO_ADDON',
      `the addon does not load (${reason}); run npm run build:addon -- --force`,
      error,
    );
  }
}

/** The compiled layout functions. */
export function layoutFunctions(): LayoutFunctions {
  return loadAddon().layout;
}

/** Where the kernel's library is looked for, in this order; see {@link openKernel}. */
export function kernelLibraryPath(given?: string): string {
  const path = given ?? process.env['KERNELTWIN_LIBRARY'];
  return path === undefined || path === ''
    ? join(root, 'build', 'kernel', 'libkerneltwin.so')
    : resolve(path);
}

/**
 * Opens the kernel's library: `given`, else the environment's KERNELTWIN_LIBRARY, else build/kernel/libkerneltwin.so.
 * Throws NO_KERNEL or API_VERSION (NO_ADDON without the addon). Needs no GPU.
 */
export function openKernel(given?: string): Kernel {
  const path = kernelLibraryPath(given);
  const addon = loadAddon();
  if (!existsSync(path)) {
    throw bindingError(
      'NO_KERNEL',
      `no kernel library: ${path} does not exist; build it with npm run build:kernel or set KERNELTWIN_LIBRARY`,
    );
  }
  return new addon.Kernel(path);
}
