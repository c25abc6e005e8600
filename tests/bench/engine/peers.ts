import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Another simulator or queue that runs the hold model in a process of its own. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Command; pending events, warm-up and timed holds follow. */
  readonly command: readonly string[];
  /** Timed holds: slow peers do fewer. */
  readonly holds: number;
}

/** A peer that this machine lacks, and how it would be found. */
export interface Absent {
  readonly name: string;
  readonly needs: string;
}

const drivers = join(import.meta.dirname, '..', 'peers');

function outputOf(command: string, args: readonly string[]): string | undefined {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8' });
  return error === undefined && status === 0 ? stdout.trim() : undefined;
}

/** Version of a library known to pkg-config; undefined where it is not installed. */
function libraryVersion(library: string): string | undefined {
  return outputOf('pkg-config', ['--modversion', library]);
}

/** Compiles a driver with what `pkg-config` says of includes. A compiler error ends the benchmark: it is a bug here. */
function compile(driver: string, folder: string, libraries: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, driver);
  const source = join(drivers, `${driver}.cc`);
  execFileSync('c++', ['-O2', '-std=c++17', '-o', program, source, ...libraries], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return program;
}

/** The peers of this machine, ready to run, and the ones it lacks. `python` runs SimPy. */
export function findPeers(folder: string, python: string): { found: Peer[]; absent: Absent[] } {
  const found: Peer[] = [];
  const absent: Absent[] = [];
  const compiler = outputOf('c++', ['-dumpfullversion']);
  const holds = 3_000_000;
  if (compiler === undefined) {
    absent.push({ name: 'C++ peers', needs: 'a C++ compiler' });
  } else {
    const version = `GCC ${compiler}, -O2`;
    const command = [compile('priority_queue', folder, [])];
    found.push({ name: 'std::priority_queue', version, command, holds });
    const simgrid = libraryVersion('simgrid');
    if (simgrid === undefined) {
      absent.push({ name: 'SimGrid timers', needs: 'Debian package libsimgrid-dev' });
    } else {
      const program = compile('simgrid_timers', folder, ['-lsimgrid']);
      found.push({ name: 'SimGrid timers', version: simgrid, command: [program], holds });
    }
    const ns3 = libraryVersion('ns3-core');
    if (ns3 === undefined) {
      absent.push({ name: 'ns-3', needs: 'Debian package libns3-dev' });
    } else {
      const program = compile('ns3_scheduler', folder, ['-lns3-core']);
      for (const scheduler of ['Heap', 'Map', 'Calendar', 'PriorityQueue']) {
        const command = [program, `${scheduler}Scheduler`];
        found.push({ name: `ns-3 ${scheduler}Scheduler`, version: ns3, command, holds });
      }
    }
  }
  const versions =
    'import sys, simpy; print(simpy.__version__, "on Python", sys.version.split()[0])';
  const simpy = outputOf(python, ['-c', versions]);
  if (simpy === undefined) {
    absent.push({
      name: 'SimPy',
      needs: `PyPI package simpy for ${python} (PYTHON names another)`,
    });
  } else {
    const command = [python, join(drivers, 'simpy_processes.py')];
    found.push({ name: 'SimPy', version: simpy, command, holds: 300_000 });
  }
  return { found, absent };
}
