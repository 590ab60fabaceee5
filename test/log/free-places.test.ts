/** The stack of free places against an array that lists them all. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FreePlaces } from '../../fs/log/free-places.js';

it('is a stack of which the lowest can be taken too', () => {
  const step = fc.oneof(
    fc.constant(['pop'] as const),
    fc.nat({ max: 5 }).map((most) => ['takeLowest', most] as const),
    fc.nat({ max: 2 }).map((count) => ['putLowest', count] as const),
    fc.constant(['push'] as const),
    fc.nat({ max: 29 }).map((place) => ['remove', place] as const),
  );
  fc.assert(
    fc.property(fc.nat({ max: 10 }), fc.array(step, { maxLength: 60 }), (from, steps) => {
      const places = new FreePlaces();
      places.reset(from, 20);
      const model = Array.from({ length: 20 - from }, (_, i) => 19 - i);
      const out = Array.from({ length: 10 }, (_, i) => 20 + i);
      for (const [what, value] of steps) {
        if (what === 'pop') {
          const place = model.pop();
          expect(places.pop()).toBe(place);
          if (place !== undefined) out.push(place);
        } else if (what === 'takeLowest') {
          const taken = model.splice(0, value);
          expect(places.takeLowest(value)).toEqual(taken);
          out.push(...taken);
        } else if (what === 'putLowest') {
          const given = out.splice(0, value);
          model.unshift(...given);
          places.putLowest(given);
        } else if (what === 'push') {
          const place = out.pop();
          if (place === undefined) continue;
          model.push(place);
          places.push(place);
        } else {
          places.remove(value);
          const at = model.indexOf(value);
          if (at >= 0) out.push(...model.splice(at, 1));
        }
        expect([places.length, places.all()]).toEqual([model.length, model]);
      }
    }),
  );
});
