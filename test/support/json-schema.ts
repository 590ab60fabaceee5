/** JSON Schema, as far as the schemas in docs/ use it. A keyword that is not known here is an error: nothing passes unread. */

type Schema = Readonly<Record<string, unknown>>;

const told = new Set(['$schema', 'title', 'description', '$defs']);

/** What speaks against the value, as `path: problem`; empty if nothing does. */
export function schemaProblems(root: Schema, value: unknown, schema: Schema = root, path = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    if (told.has(keyword)) return [];
    const check = checks[keyword];
    if (check === undefined) throw new Error(`the schema has '${keyword}' at ${path}`);
    return check(wanted, value, path, (v, s, p) => schemaProblems(root, v, s, p), schema, root);
  });
}

type Check = (
  wanted: unknown,
  value: unknown,
  path: string,
  below: (value: unknown, schema: Schema, path: string) => string[],
  schema: Schema,
  root: Schema,
) => string[];

const unless = (good: boolean, path: string, problem: string): string[] => (good ? [] : [`${path}: ${problem}`]);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  null: (value) => value === null,
};

const checks: Readonly<Record<string, Check>> = {
  type: (wanted, value, path) =>
    unless(
      [wanted as string | string[]].flat().some((type) => types[type](value)),
      path,
      `no ${wanted}`,
    ),
  const: (wanted, value, path) => unless(value === wanted, path, `not ${wanted}`),
  enum: (wanted, value, path) => unless((wanted as unknown[]).includes(value), path, `${value} is not in the list`),
  minimum: (wanted, value, path) =>
    unless(typeof value !== 'number' || value >= (wanted as number), path, `${value} is below ${wanted}`),
  maximum: (wanted, value, path) =>
    unless(typeof value !== 'number' || value <= (wanted as number), path, `${value} is above ${wanted}`),
  minItems: (wanted, value, path) => unless((value as unknown[]).length >= (wanted as number), path, 'too few items'),
  maxItems: (wanted, value, path) => unless((value as unknown[]).length <= (wanted as number), path, 'too many items'),
  items: (wanted, value, path, below) =>
    (Array.isArray(value) ? value : []).flatMap((item, i) => below(item, wanted as Schema, `${path}[${i}]`)),
  required: (wanted, value, path) =>
    (wanted as string[]).flatMap((name) => unless(!isObject(value) || name in value, path, `lacks ${name}`)),
  properties: (wanted, value, path, below) =>
    Object.entries(wanted as Record<string, Schema>).flatMap(([name, schema]) =>
      isObject(value) && name in value ? below(value[name], schema, `${path}.${name}`) : [],
    ),
  additionalProperties: (wanted, value, path, below, { properties = {} }) => {
    const others = Object.entries(isObject(value) ? value : {}).filter(([name]) => !(name in (properties as object)));
    return others.flatMap(([name, one]) =>
      wanted === false ? [`${path}: has ${name} besides`] : below(one, wanted as Schema, `${path}.${name}`),
    );
  },
  anyOf: (wanted, value, path, below) => {
    const tried = (wanted as Schema[]).map((schema) => below(value, schema, path));
    return tried.some((problems) => problems.length === 0) ? [] : tried.flat();
  },
  $ref: (wanted, value, path, below, _, root) => {
    const parts = (wanted as string).split('/').slice(1);
    return below(value, parts.reduce<unknown>((at, part) => (at as Schema)[part], root) as Schema, path);
  },
};
