import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type BindingError,
  isBindingError,
  kernelLibraryPath,
  loadAddon,
  openKernel,
  type WorldOptions,
} from '../../../binding/index.ts';
import { kernelDouble } from '../../support/kernel-double.ts';

const options: WorldOptions = {
  shape: {
    ranks: 1,
    experts: 2,
    slots: 2,
    tokens: 8,
    hidden: 64,
    intermediate: 64,
    topK: 1,
    capacity: 8,
    tileRows: 8,
    tileCols: 64,
  },
  placement: Uint32Array.of(0, 2),
  blocks: 3,
  transport: 'direct',
  readiness: 'eager',
  policy: 'fifo',
  activation: 'silu',
  dtype: 'bf16',
  renormalise: true,
  bias: false,
  gate: 'topK',
  gemm: 'mma',
  traceRecords: 16,
  deadlineNs: 0n,
};

function thrown(call: () => unknown): BindingError {
  try {
    call();
  } catch (error) {
    if (isBindingError(error)) return error;
    throw error;
  }
  throw new Error('expected an error');
}

async function rejected(call: Promise<unknown>): Promise<BindingError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isBindingError(error)) return error;
  throw new Error(`expected a binding error, got ${String(error)}`);
}

afterEach(() => {
  // Worker threads have their own process.env, which C++ does not see: faults are tested in child processes.
  delete process.env['KERNELTWIN_LIBRARY'];
});

describe('the addon', () => {
  it.runIf(process.platform === 'linux')('brings neither CUDA nor NVSHMEM into a process', () => {
    const code = `
      import { readFileSync } from 'node:fs';
      import { layoutFunctions } from './binding/index.ts';
      layoutFunctions();
      process.stdout.write(readFileSync('/proc/self/maps', 'utf8'));
    `;
    const args = ['--input-type=module-typescript', '-e', code];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stdout).toContain('kerneltwin.node');
    expect(stdout).not.toMatch(/libcuda|libnvshmem|libkerneltwin/);
  });

  it('says what to do when it was not built', () => {
    const error = thrown(() => loadAddon('/nowhere/kerneltwin.node'));
    expect(error.code).toBe('NO_ADDON');
    expect(error.message).toContain(
      '/nowhere/kerneltwin.node does not exist; run npm run build:addon',
    );
  });

  it('says what to do when it does not load', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kt-addon-'));
    writeFileSync(join(folder, 'broken.node'), 'no addon');
    const error = thrown(() => loadAddon(join(folder, 'broken.node')));
    rmSync(folder, { recursive: true });
    expect(error.code).toBe('NO_ADDON');
    expect(error.message).toContain('the addon does not load');
    expect(error.message).toContain('run npm run build:addon -- --force');
  });
});

describe('opening the kernel library', () => {
  it('looks where it is told, then in the environment, then in the build folder', () => {
    expect(kernelLibraryPath()).toMatch(/build\/kernel\/libkerneltwin\.so$/);
    process.env['KERNELTWIN_LIBRARY'] = '/from/environment.so';
    expect(kernelLibraryPath()).toBe('/from/environment.so');
    expect(kernelLibraryPath('/given.so')).toBe('/given.so');
  });

  it.each([
    ['/nowhere/libkerneltwin.so', '/nowhere/libkerneltwin.so does not exist'],
    ['package.json', 'cannot open the kernel library: '],
    ['build/addon/kerneltwin.node', 'is not a kerneltwin library: it has no kt_abi_version'],
  ])('NO_KERNEL when %s is no library', (path, message) => {
    const error = thrown(() => openKernel(path));
    expect(error.code).toBe('NO_KERNEL');
    expect(error.message).toContain(message);
  });

  it('tells path and version of the library it opened', () => {
    const kernel = openKernel(kernelDouble());
    expect(kernel.version).toBe('kernel double');
    expect(kernel.path).toBe(kernelDouble());
  });
});

describe('calls into the library', () => {
  it('return what the library wrote, whatever thread asked', async () => {
    const kernel = openKernel(kernelDouble());
    const device = await kernel.deviceInfo(1);
    expect(device).toMatchObject({ name: 'double of a GPU', device: 1, devices: 2, sms: 132 });
    expect(device.memoryBytes).toBe(141 * 2 ** 30);
    expect(await kernel.symmetricBytes(options)).toBe(4096n);
    const id = await kernel.uniqueId();
    expect([...id.subarray(0, 3)]).toEqual([1, 4, 7]);
    await kernel.join({ device: 0, rank: 0, ranks: 1, symmetricBytes: 8192n, uniqueId: id });

    const world = await kernel.openWorld(options);
    expect(await world.info()).toMatchObject({
      blocks: 3,
      processors: 2,
      rings: 4,
      localExperts: 2,
    });
    expect(await world.tensorBytes('x')).toBe(8 * 64 * 2);
    const rows = Uint8Array.from({ length: 1024 }, (_, i) => i & 0xff);
    await world.upload('x', 0, rows);
    const back = new Uint8Array(10);
    await world.download('x', 5, back);
    expect(back).toEqual(rows.subarray(5, 15));

    const launch = {
      tokens: 8,
      capacity: 0,
      aligned: true,
      poisonOutput: true,
      poisonBuffers: false,
      held: false,
    };
    expect(await world.launch(launch)).toMatchObject({
      epoch: 0,
      abortCode: 0,
      kernels: 1,
      ms: 0.5,
    });
    const rings = await world.readRings();
    expect(rings.map((ring) => [ring.header.length, ring.records.length])).toEqual([
      [48, 32],
      [48, 32],
      [48, 32],
      [48, 32],
    ]);
    expect(await world.check({ stride: 3 })).toMatchObject({
      tokensChecked: 3,
      relativeError: 0.002,
    });
    expect(await world.dump()).toBe('double: doorbells all free');
    await world.close();
    expect(thrown(() => void world.info()).code).toBe('CLOSED');
  });

  it('run in the order they were made', async () => {
    const kernel = openKernel(kernelDouble());
    const world = await kernel.openWorld(options);
    const launch = {
      tokens: 0,
      capacity: 0,
      aligned: false,
      poisonOutput: false,
      poisonBuffers: false,
      held: false,
    };
    const epochs = await Promise.all(
      Array.from({ length: 20 }, async () => (await world.launch(launch)).epoch),
    );
    expect(epochs).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('reject with call, status and the reason of the library', async () => {
    const kernel = openKernel(kernelDouble());
    const error = await rejected(kernel.deviceInfo(9));
    expect(error).toMatchObject({
      code: 'KERNEL_ERROR',
      call: 'kt_device_query',
      status: 'BAD_ARGUMENT',
    });
    expect(error.message).toBe('kt_device_query (BAD_ARGUMENT): device');
    const world = await kernel.openWorld(options);
    const over = await rejected(world.upload('x', 1000, new Uint8Array(100)));
    expect(over.message).toContain('upload of 100 bytes over the end');
  });

  it.each<[string, Partial<Record<keyof WorldOptions, unknown>>, string]>([
    [
      'an unknown name',
      { transport: 'pigeon' },
      'options.transport: expected one of direct, put, got "pigeon"',
    ],
    [
      'a placement of another size',
      { placement: Uint32Array.of(0, 1, 2) },
      'options.placement: expected ranks + 1 = 2 prefix sums, got 3',
    ],
    ['a number for a flag', { bias: 1 }, 'options.bias: expected true or false, got 1'],
    ['a number for 64 bits', { deadlineNs: 5 }, 'options.deadlineNs: expected a BigInt'],
    [
      'a shape without a field',
      { shape: { ranks: 1 } },
      'options.shape.experts: expected an integer',
    ],
  ])('throw at once on %s', (_, wrong, message) => {
    const kernel = openKernel(kernelDouble());
    expect(() => kernel.openWorld({ ...options, ...wrong } as WorldOptions)).toThrow(message);
  });
});

describe('a process that uses the addon', () => {
  /** Runs a few lines against the double in a process of their own. */
  function script(fault: string, body: string): { status: number | null; out: string } {
    const code = `
      import { openKernel } from './binding/index.ts';
      const kernel = openKernel(${JSON.stringify(kernelDouble())});
      ${body}
    `;
    const env = { ...process.env, KT_DOUBLE: fault };
    const args = ['--input-type=module-typescript', '-e', code];
    const ran = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 20_000 });
    return { status: ran.status, out: `${ran.stdout}${ran.stderr}` };
  }

  it('learns NO_GPU and goes on', () => {
    const body = `await kernel.deviceInfo(0).catch((e) => console.log(e.code, e.call));`;
    expect(script('no-gpu', body)).toEqual({ status: 0, out: 'NO_GPU kt_device_query\n' });
  });

  it('learns API_VERSION and goes on', () => {
    const { status, out } = script('version', '');
    expect(status).toBe(1);
    expect(out).toContain("code: 'API_VERSION'");
  });

  it('can end while a call hangs in the library', () => {
    const body = `void kernel.deviceInfo(0); setTimeout(() => process.exit(5), 200);`;
    expect(script('hang:kt_device_query', body).status).toBe(5);
  });

  it('stays until its last call has returned', () => {
    const body = `void kernel.deviceInfo(0).then((d) => console.log(d.name));`;
    expect(script('', body)).toEqual({ status: 0, out: 'double of a GPU\n' });
  });
});
