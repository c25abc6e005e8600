import type { DeviceInfo } from '../../binding/index.ts';
import { defaultTimeouts } from './phases.ts';
import { RankProcess } from './rank-process.ts';

export interface GpuInfo {
  /** Version line of the kernel library. */
  readonly library: string;
  readonly libraryPath: string;
  readonly devices: readonly DeviceInfo[];
}

/**
 * What the kernel library finds on this machine, asked in a process of its own so that this one stays free of CUDA.
 * @throws {GpuRunError} NO_ADDON, NO_KERNEL, API_VERSION or NO_GPU
 */
export async function gpuInfo(
  options: { readonly library?: string | undefined } = {},
): Promise<GpuInfo> {
  const probe = new RankProcess(0, process.env);
  try {
    const { load } = defaultTimeouts;
    const library = await probe.call('load', 'load', { library: options.library }, load);
    const devices = [await probe.call('device', 'device', { device: 0 }, load)];
    const count = devices[0]?.devices ?? 0;
    for (let device = 1; device < count; device++) {
      devices.push(await probe.call('device', 'device', { device }, load));
    }
    return { library: library.version, libraryPath: library.path, devices };
  } finally {
    await probe.kill();
  }
}
