/** What a load does to its files: each operation is written to its log before it begins and when it is durable. */

/** Contents are not logged but made from `fill` (see patternBytes). */
export type Operation =
  | { readonly kind: 'create'; readonly file: string; readonly length: number; readonly fill: number }
  | {
      readonly kind: 'write';
      readonly file: string;
      readonly offset: number;
      readonly length: number;
      readonly fill: number;
    }
  | { readonly kind: 'truncate'; readonly file: string; readonly length: number }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly file: string };

/** A line of the log: an operation begins, or the one that began is acknowledged. */
export type LogLine = { readonly begins: Operation } | { readonly durable: true };
