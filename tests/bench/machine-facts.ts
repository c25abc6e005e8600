import { arch, cpus, loadavg, totalmem } from 'node:os';

/** What a figure depends on besides the code. Names no host. */
export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  /** Processes that ran or waited, on average over the last minute before the measurement. */
  readonly load: number;
}

/** The facts of this machine, now. */
export function machineFacts(): MachineFacts {
  const all = cpus();
  return {
    processor: `${all[0]?.model.trim() ?? 'unknown'} (${arch()})`,
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

/** One line for a results page. */
export function machineLine(facts: MachineFacts): string {
  const { processor, cores, memoryGb, node, load } = facts;
  return `${processor}, ${cores} cores, ${memoryGb} GiB, Node ${node}, load average ${load} at the start`;
}
