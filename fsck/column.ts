/**
 * A growing array of numbers in a typed array: what fsck keeps about a million files fits in megabytes.
 */
type Storage = Float64Array | Uint32Array | Uint16Array | Uint8Array;

export class Column<T extends Storage> {
  length = 0;

  constructor(public values: T) {}

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new (this.values.constructor as new (n: number) => T)(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

export const numbers = (): Column<Float64Array> => new Column(new Float64Array(64));
export const words = (): Column<Uint32Array> => new Column(new Uint32Array(64));
export const halves = (): Column<Uint16Array> => new Column(new Uint16Array(64));
export const bytes = (): Column<Uint8Array> => new Column(new Uint8Array(64));

/** Index of the greatest value at or below `wanted` in an ascending column, or -1. */
export function floorIndex(column: Column<Storage>, wanted: number): number {
  const values = column.values;
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of a value in an ascending column, or -1. */
export function indexOf(column: Column<Storage>, wanted: number): number {
  const at = floorIndex(column, wanted);
  return at >= 0 && column.values[at] === wanted ? at : -1;
}
