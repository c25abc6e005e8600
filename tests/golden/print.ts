// Prints the hash of every golden trace as JSON. With --threads N, N threads share the seeds; the output is the same.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { goldenHash } from './hash.ts';
import { goldenSeeds } from './worlds.ts';

interface Shard {
  readonly index: number;
  readonly count: number;
}

function hashesOf({ index, count }: Shard): Record<number, string> {
  const hashes: Record<number, string> = {};
  for (let seed = index; seed < goldenSeeds; seed += count) hashes[seed] = goldenHash(seed);
  return hashes;
}

async function hashesOfThread(shard: Shard): Promise<Record<number, string>> {
  const { promise, resolve, reject } = resolvers();
  const worker = new Worker(new URL(import.meta.url), { workerData: shard });
  worker.once('message', resolve);
  worker.once('error', reject);
  return promise;
}

/** Promise.withResolvers, which Node 20 lacks. */
function resolvers(): {
  promise: Promise<Record<number, string>>;
  resolve: (hashes: Record<number, string>) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (hashes: Record<number, string>) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Record<number, string>>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

if (isMainThread) {
  const flag = process.argv.indexOf('--threads');
  const count = flag < 0 ? 0 : Number(process.argv[flag + 1]);
  const shards = Array.from({ length: count }, (_, index) => ({ index, count }));
  const parts = await Promise.all(shards.map(hashesOfThread));
  const hashes = count === 0 ? hashesOf({ index: 0, count: 1 }) : Object.assign({}, ...parts);
  process.stdout.write(`${JSON.stringify(hashes, null, 2)}\n`);
} else {
  parentPort!.postMessage(hashesOf(workerData as Shard), []);
}
