/**
 * What commands print with --json, said once, as JSON Schema (2020-12): the option comes with it, manual pages and
 * docs/schemas are made of it, and a test holds real output of every command against it. Whatever may be said of a value is
 * said in its description; objects have no members besides those named.
 */
import { type Command, Option } from 'commander';

export type Schema = Readonly<Record<string, unknown>>;

/** Marks a member that may be absent. */
const maybe = Symbol('may be absent');

const told = (type: string, description: string, more: Schema = {}): Schema => ({ type, description, ...more });

export const text = (description: string): Schema => told('string', description);
export const flag = (description: string): Schema => told('boolean', description);
export const number = (description: string): Schema => told('number', description);
/** A whole number from 0. */
export const whole = (description: string): Schema => told('integer', description, { minimum: 0 });
export const bytes = (description: string): Schema => whole(`${description}, in bytes`);
export const share = (description: string): Schema => told('number', description, { minimum: 0, maximum: 1 });
export const moment = (description: string): Schema =>
  text(`${description}, in ISO 8601 (@SECONDS where no calendar has it)`);
export const choice = (description: string, values: readonly string[]): Schema =>
  told('string', description, { enum: values });

export const list = (description: string, items: Schema): Schema => told('array', description, { items });
/** An object whose members have names of their own and values of one kind. */
export const named = (description: string, values: Schema): Schema =>
  told('object', description, { additionalProperties: values });
export const object = (description: string, properties: Readonly<Record<string, Schema>>): Schema =>
  told('object', description, {
    properties,
    required: Object.keys(properties).filter((name) => !(maybe in properties[name])),
    additionalProperties: false,
  });
/** One of several, by what is asked for. */
export const either = (description: string, ...anyOf: readonly Schema[]): Schema => ({ description, anyOf });

export const orNull = (schema: Schema, when: string): Schema => ({
  ...schema,
  type: [schema.type, 'null'],
  description: `${schema.description}; null: ${when}`,
});
/** A member that is there only sometimes; `when` follows its description. */
export const optional = (schema: Schema, when?: string): Schema => ({
  ...schema,
  ...(when === undefined ? {} : { description: `${schema.description}; ${when}` }),
  [maybe]: true,
});

/** `--json`, with what the command prints then. */
export class JsonOption extends Option {
  constructor(
    readonly schema: () => Schema,
    meaning: string,
  ) {
    super('--json', meaning);
  }
}

export const jsonOption = (schema: () => Schema, meaning = 'print JSON'): Option => new JsonOption(schema, meaning);

/** What a command prints with --json; undefined: it has no such option. */
export const jsonOf = (command: Command): Schema | undefined =>
  command.options.find((option) => option instanceof JsonOption)?.schema();
