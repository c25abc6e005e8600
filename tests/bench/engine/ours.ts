import { EventQueue } from '../../../sim/engine/event-queue.ts';
import { Simulation } from '../../../sim/engine/simulation.ts';
import type { Contender } from './hold-model.ts';

/** The engine's queue alone. */
const bareQueue: Contender = (pending, delays) => {
  const queue = new EventQueue(pending);
  let at = 0;
  for (let id = 0; id < pending; id++) queue.push(delays[at++ & 0xffff]!, 0, id, 0);
  return (holds) => {
    for (let i = 0; i < holds; i++) {
      queue.pop();
      queue.push(queue.time + delays[at++ & 0xffff]!, queue.handler, queue.a, queue.b);
    }
  };
};

/** The engine as actors use it: a clock, and handlers called by number that schedule the next event. */
const processLayer: Contender = (pending, delays) => {
  const sim = new Simulation(pending);
  let at = 0;
  const tick = sim.handle((id, b) => {
    sim.at(sim.now + delays[at++ & 0xffff]!, tick, id, b);
  });
  for (let id = 0; id < pending; id++) sim.at(delays[at++ & 0xffff]!, tick, id, 0);
  return (holds) => {
    sim.run(holds);
  };
};

/** Sequential processes as generators on top of the engine: the style of SimPy. */
const generators: Contender = (pending, delays) => {
  const sim = new Simulation(pending);
  let at = 0;
  function* process(): Generator<number, void, void> {
    for (;;) yield delays[at++ & 0xffff]!;
  }
  const processes = Array.from({ length: pending }, process);
  const resume = sim.handle((id) => {
    const step = processes[id]!.next();
    if (step.done !== true) sim.at(sim.now + step.value, resume, id, 0);
  });
  for (let id = 0; id < pending; id++) sim.at(0, resume, id, 0);
  sim.run(pending);
  return (holds) => {
    sim.run(holds);
  };
};

export const ours: Readonly<Record<string, Contender>> = {
  'bare queue': bareQueue,
  'process layer': processLayer,
  'generator processes': generators,
};
