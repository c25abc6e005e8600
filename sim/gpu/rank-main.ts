/**
 * Entry of a rank's process: one rank of one world, driven by its parent over the IPC channel. It holds the GPU, so it
 * must not outlive its parent: when the channel closes it ends at once, whatever the GPU is doing.
 */
import { isBindingError, type Kernel, type KernelWorld, openKernel } from '../../binding/index.ts';
import { BenchRank } from './bench-rank.ts';
import { routerWeight, tokenRows } from './inputs.ts';
import type { Answer, Failure, RankCall, RankCalls, Request } from './messages.ts';

let openedKernel: Kernel | undefined;
let openedWorld: KernelWorld | undefined;
const bench = new BenchRank();
let joined = false;
/** Everything was given back: the process may end in its own time. */
let finished = false;

function kernel(): Kernel {
  if (openedKernel === undefined) throw new Error('the kernel library is not loaded yet');
  return openedKernel;
}

function world(): KernelWorld {
  if (openedWorld === undefined) throw new Error('the world is not open yet');
  return openedWorld;
}

/** Room beside the worlds' own buffers: NVSHMEM takes some of the heap for itself. */
const symmetricSlack = 64n << 20n;

type Handlers = {
  [C in RankCall]: (argument: RankCalls[C]['argument']) => Promise<RankCalls[C]['answer']>;
};

const handlers: Handlers = {
  load: async ({ library }) => {
    openedKernel = openKernel(library);
    return { version: openedKernel.version, path: openedKernel.path };
  },
  device: ({ device }) => kernel().deviceInfo(device),
  uniqueId: () => kernel().uniqueId(),
  join: async ({ worlds, ...identity }) => {
    let symmetricBytes = symmetricSlack;
    for (const options of worlds) symmetricBytes += await kernel().symmetricBytes(options);
    await kernel().join({ ...identity, symmetricBytes });
    joined = true;
    return null;
  },
  open: async (options) => {
    openedWorld = await kernel().openWorld(options);
    return openedWorld.info();
  },
  fill: async ({ scenario }) => {
    await world().upload('wg', 0, routerWeight(scenario));
    const tensors = ['w1', 'w2', ...(scenario.model.bias ? (['b1', 'b2'] as const) : [])] as const;
    for (const tensor of tensors) await world().fill(tensor, BigInt(scenario.seed), 0);
    return null;
  },
  inputs: async ({ scenario, launch, choices }) => {
    const { rank } = await world().info();
    const rows = tokenRows(scenario, launch, rank, choices);
    if (rows.length > 0) await world().upload('x', 0, rows);
    return null;
  },
  launch: (options) => world().launch(options),
  rings: () => world().readRings(),
  routing: async ({ count }) => {
    const choices = new Uint32Array(count);
    const rows = new Uint32Array(count);
    if (count > 0) {
      await world().download('choices', 0, new Uint8Array(choices.buffer));
      await world().download('rows', 0, new Uint8Array(rows.buffer));
    }
    return { choices, rows };
  },
  check: (options) => world().check(options),
  benchOpen: (worlds) => bench.open(kernel(), worlds),
  benchRun: (steps) => bench.run(steps),
  benchJudge: ({ world, stride }) => bench.judge(world, stride),
  dump: () => (openedWorld === undefined ? bench.dump() : openedWorld.dump()),
  close: async () => {
    await bench.close();
    await openedWorld?.close();
    openedWorld = undefined;
    if (joined) await kernel().leave();
    joined = false;
    finished = true;
    return null;
  },
  abort: async () => {
    openedWorld?.abort();
    bench.abort();
    return null;
  },
};

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  if (!isBindingError(error)) return { message, stack };
  return { message, stack, code: error.code, status: error.status, launch: error.launch };
}

async function answer({ id, call, argument }: Request): Promise<Answer> {
  try {
    const handler = handlers[call] as (a: unknown) => Promise<RankCalls[RankCall]['answer']>;
    return { id, ok: true, value: await handler(argument) };
  } catch (error) {
    return { id, ok: false, failure: failureOf(error) };
  }
}

process.on('message', (request: Request) => {
  void answer(request).then((reply) => process.send?.(reply));
});
// The parent decides what an interrupt means; it reaches the whole process group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => {
  // Not process.exit in the middle of a run: exit handlers of CUDA would wait for a launch that may never end.
  if (!finished) process.kill(process.pid, 'SIGKILL');
});
