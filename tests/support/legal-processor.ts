/** A processor of the model, as its rank and the scheduler see it. */
export interface Processor {
  sequence: number;
  /** Doorbell that has arrived and is not yet read; -1 is the exit doorbell. */
  mail: number | undefined;
  busy: boolean;
  /** Runs a COMBINE beside its tiles, or is still in its prologue. */
  aside: boolean;
  /** The scheduler may ring: it has seen the status word. */
  ready: boolean;
  /** Status word as the scheduler could read it. */
  status: number;
}

/** A processor before its first launch. */
export function newProcessor(readiness: 'eager' | 'lazy'): Processor {
  // Lazy mailboxes open after the processor's share of the dispatch.
  const status = readiness === 'eager' ? 0 : -1;
  return { sequence: 0, mail: undefined, busy: true, aside: true, ready: false, status };
}
