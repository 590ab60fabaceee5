/** A schema as a reader of a manual page wants it: each field by the way to it, with its type and meaning. */
import type { Schema } from '../../fs/cli/json-schema.js';

export interface JsonField {
  /** `server.pid`, `snapshots[].name`; empty: the whole. */
  readonly path: string;
  readonly type: string;
  readonly meaning: string;
}

export function fieldsOf(schema: Schema, path = ''): JsonField[] {
  const { type, description, anyOf, properties, additionalProperties, items } = schema;
  const own: JsonField = {
    path,
    type: anyOf === undefined ? [type ?? 'anything'].flat().join(' or ') : 'one of these',
    meaning: String(description ?? ''),
  };
  const below = [
    ...((anyOf as Schema[] | undefined) ?? []).flatMap((one) => fieldsOf(one, path)),
    ...Object.entries((properties as Record<string, Schema> | undefined) ?? {}).flatMap(([name, one]) =>
      fieldsOf(one, path === '' ? name : `${path}.${name}`),
    ),
    ...(typeof additionalProperties === 'object' ? fieldsOf(additionalProperties as Schema, `${path}.NAME`) : []),
    ...(items === undefined ? [] : fieldsOf(items as Schema, `${path}[]`)),
  ];
  return [own, ...below];
}
