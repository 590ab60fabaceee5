/**
 * The segments as squares on a canvas: drawn anew for each sample, chosen by mouse or arrow keys. What changed between
 * the last two samples has a dot, what became free a ring; the cells of a file stand out while the others fade.
 */
import type { LiveMap } from '../../fs/report/live-map.js';
import { type Colouring, kinds, Palette } from './colours.js';

const tallest = 300;
const largest = 22;

export class HeatMap {
  colouring: Colouring = 'kind';
  /** Cell under the pointer, or chosen by keys; -1: none. */
  private at = -1;
  private chosen = -1;
  private lit: ReadonlySet<number> | undefined;
  private map: LiveMap | undefined;
  private before: LiveMap | undefined;
  private columns = 1;
  private side = 1;
  private readonly context: CanvasRenderingContext2D;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    /** The pointer or the keys are at a cell; -1: at none. */
    private readonly pointed: (cell: number) => void,
    /** A cell was chosen. */
    private readonly choose: (cell: number) => void,
  ) {
    this.context = canvas.getContext('2d')!;
    canvas.addEventListener('mousemove', ({ offsetX, offsetY }) => this.point(this.cellAt(offsetX, offsetY)));
    canvas.addEventListener('mouseleave', () => this.point(this.chosen));
    canvas.addEventListener('click', ({ offsetX, offsetY }) => this.take(this.cellAt(offsetX, offsetY)));
    canvas.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  show(map: LiveMap): void {
    this.before = this.map?.live.length === map.live.length ? this.map : undefined;
    this.map = map;
    this.draw();
  }

  /** Let these cells stand out; undefined: all are alike. */
  light(cells: ReadonlySet<number> | undefined): void {
    this.lit = cells;
    this.draw();
  }

  private get cells(): number {
    return this.map?.live.length ?? 0;
  }

  private cellAt(x: number, y: number): number {
    const column = Math.floor(x / this.side);
    const cell = Math.floor(y / this.side) * this.columns + column;
    return column < this.columns && cell >= 0 && cell < this.cells ? cell : -1;
  }

  private point(cell: number): void {
    if (cell === this.at) return;
    this.at = cell;
    this.pointed(cell);
    this.draw();
  }

  private take(cell: number): void {
    if (cell < 0) return;
    this.chosen = cell;
    this.point(cell);
    this.draw();
    this.choose(cell);
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.columns,
      ArrowDown: this.columns,
      Home: -this.cells,
      End: this.cells,
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.point(Math.min(this.cells - 1, Math.max(0, Math.max(0, this.at) + (this.at < 0 ? 0 : step))));
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.take(this.at);
    }
  }

  private layOut(): void {
    const wide = Math.max(100, this.canvas.clientWidth);
    let side = largest;
    while (side > 2 && Math.ceil(this.cells / Math.floor(wide / side)) * side > tallest) side -= 0.5;
    this.columns = Math.floor(wide / side);
    side = wide / this.columns;
    this.side = side;
    const tall = Math.max(side, Math.ceil(this.cells / this.columns) * side);
    const scale = window.devicePixelRatio;
    this.canvas.style.height = `${tall}px`;
    this.canvas.width = Math.round(wide * scale);
    this.canvas.height = Math.round(tall * scale);
    this.context.scale(scale, scale);
  }

  draw(): void {
    const { map, context } = this;
    if (map === undefined) return;
    this.layOut();
    const palette = new Palette();
    const gap = this.side > 5 ? 1 : 0.3;
    const open = new Set(map.open);
    for (let cell = 0; cell < this.cells; cell++) {
      const x = (cell % this.columns) * this.side;
      const y = Math.floor(cell / this.columns) * this.side;
      const inner = this.side - gap;
      context.globalAlpha = this.lit === undefined || this.lit.has(cell) ? 1 : 0.18;
      context.fillStyle = palette.cell(map, cell, this.colouring);
      context.fillRect(x, y, inner, inner);
      if (open.has(cell)) this.frame(x, y, inner, palette.css('ink'), this.side > 9 ? 2 : 1);
      this.mark(cell, x + inner / 2, y + inner / 2, palette.css('accent'));
      if (cell === this.chosen || this.lit?.has(cell)) this.frame(x, y, inner, palette.css('accent'), 2);
      if (cell === this.at) this.frame(x, y, inner, palette.css('ink'), 1);
    }
    context.globalAlpha = 1;
  }

  private frame(x: number, y: number, inner: number, colour: string, wide: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = wide;
    this.context.strokeRect(x + wide / 2, y + wide / 2, inner - wide, inner - wide);
  }

  /** What happened to a cell between the last two samples. */
  private mark(cell: number, x: number, y: number, colour: string): void {
    const { map, before, context } = this;
    if (map === undefined || before === undefined) return;
    const free = kinds[Number(map.kinds[cell])] === 'free';
    if (map.kinds[cell] === before.kinds[cell] && map.live[cell] === before.live[cell]) return;
    context.beginPath();
    context.arc(x, y, Math.max(1, this.side * (free ? 0.26 : 0.13)), 0, 7);
    context.fillStyle = colour;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    if (free) context.stroke();
    else context.fill();
  }
}
