/** What mkfs.varve --json prints. */
import { bytes, object, type Schema, text, whole } from '../fs/cli/json-schema.js';

export const mkfsSchema = (): Schema =>
  object('The volume that was made.', {
    image: text('the file or device'),
    label: text('name of the volume, or empty'),
    uuid: text('its identity'),
    imageBytes: bytes('its length'),
    segmentBytes: bytes('length of a segment'),
    places: whole('segments that there is room for'),
    reservedSegments: whole('of them in reserve'),
  });
