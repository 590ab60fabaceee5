/**
 * Metrics in the text format that Prometheus reads, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). What is counted elsewhere is only written down here; a client
 * library counts by itself, in the process that it is asked in, and takes no histogram that others have filled.
 */

export type Labels = Readonly<Record<string, string>>;

export interface HistogramValue {
  /** How many were not above a bound, by rising bound. */
  readonly below: readonly (readonly [bound: number, count: number])[];
  readonly count: number;
  readonly sum: number;
}

interface Described {
  /** In Prometheus' words: base units, `_total` behind counters. */
  readonly name: string;
  readonly help: string;
}

export type Family =
  | (Described & {
      readonly type: 'counter' | 'gauge';
      readonly values: readonly (readonly [labels: Labels, value: number])[];
    })
  | (Described & {
      readonly type: 'histogram';
      readonly values: readonly (readonly [labels: Labels, value: HistogramValue])[];
    });

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

const inHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const inLabel = (text: string): string => inHelp(text).replaceAll('"', '\\"');

function shown(name: string, labels: Labels, value: number): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${inLabel(text)}"`);
  return `${name}${list.length === 0 ? '' : `{${list.join(',')}}`} ${value}`;
}

function samples(family: Family): string[] {
  const { name } = family;
  if (family.type !== 'histogram') return family.values.map(([labels, value]) => shown(name, labels, value));
  return family.values.flatMap(([labels, { below, count, sum }]) => [
    ...below.map(([bound, seen]) => shown(`${name}_bucket`, { ...labels, le: String(bound) }, seen)),
    shown(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    shown(`${name}_sum`, labels, sum),
    shown(`${name}_count`, labels, count),
  ]);
}

/** The whole page, with the line end that the format asks for. */
export const prometheusText = (families: readonly Family[]): string =>
  families
    .filter(({ values }) => values.length > 0)
    .flatMap((family) => [
      `# HELP ${family.name} ${inHelp(family.help)}`,
      `# TYPE ${family.name} ${family.type}`,
      ...samples(family),
    ])
    .map((line) => `${line}\n`)
    .join('');
