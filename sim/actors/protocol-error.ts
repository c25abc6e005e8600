/** A rule of the protocol was broken in the simulated world: a fault of the model, never of its input. */
export class ProtocolError extends Error {
  constructor(rank: number, epoch: number, timeNs: number, message: string) {
    super(`rank ${rank}, launch ${epoch}, ${timeNs} ns: ${message}`);
    this.name = 'ProtocolError';
  }
}
