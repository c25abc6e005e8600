// d3-node has no types of its own. Only what the figures use is declared.
declare module 'd3-node' {
  import type { BaseType, Selection } from 'd3';

  export class D3Node {
    createSVG(width: number, height: number): Selection<BaseType, unknown, null, undefined>;
    /** The first svg element of the document as text. */
    svgString(): string;
  }
}
